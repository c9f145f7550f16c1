/* SPDX-License-Identifier: MIT */
/* replace.c: frees a random one of the --live blocks and allocates another one in its place. */
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define CHUNK 4096
#define STEPS_MIN (1u << 16)
#define STEPS_MAX (1u << 22)

/* The slot that is replaced next, and the new block's size. */
struct step {
  uint32_t slot, size;
};

struct replace {
  void **blocks;
  struct step *steps;
  uint32_t steps_count; /* a power of two; the steps are walked round and round, chunk by chunk */
  uint32_t next;
};

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct replace *replace = w->own = array_new (1, sizeof *replace);

  replace->steps_count = STEPS_MIN;
  while (replace->steps_count < STEPS_MAX && replace->steps_count / 4 < o->live)
    replace->steps_count *= 2;
  replace->steps = array_new (replace->steps_count, sizeof replace->steps[0]);
  for (uint32_t i = 0; i < replace->steps_count; i++)
    {
      replace->steps[i].slot = random_below (&w->random, o->live);
      replace->steps[i].size = random_between (&w->random, o->size_min, o->size_max);
    }
  replace->blocks = array_new (o->live, sizeof replace->blocks[0]);
  for (uint32_t i = 0; i < o->live; i++)
    replace->blocks[i] = worker_new_block (w,
                                           random_between (&w->random, o->size_min, o->size_max));
}

KERNEL
replace_kernel (struct worker *w, enum memory_api api)
{
  struct sydra_alloc *a = w->handle;
  struct replace *replace = w->own;
  void **blocks = replace->blocks;

  do
    {
      const struct step *steps = replace->steps + replace->next;

      for (unsigned i = 0; i < CHUNK; i++)
        {
          void **slot = &blocks[steps[i].slot];

          block_free (api, a, *slot);
          *slot = block_new (api, a, steps[i].size);
        }
      replace->next = (replace->next + CHUNK) & (replace->steps_count - 1);
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
}
KERNEL_FOR_BOTH (replace, replace_kernel)

static void
tear_down (struct worker *w)
{
  struct replace *replace = w->own;

  for (uint32_t i = 0; i < w->run->options->live; i++)
    worker_free_block (w, replace->blocks[i]);
  array_delete (replace->blocks);
  array_delete (replace->steps);
  array_delete (replace);
}

const struct scenario scenario_replace = {
  .name = "replace",
  .what = "of --live blocks a random one is freed and another allocated in its place",
  .set_up = set_up,
  .work = BOTH (replace),
  .tear_down = tear_down,
};
