/* SPDX-License-Identifier: MIT */
/*
 * burst.c: allocates --burst blocks, then frees all: in the same order, in reverse, or in a random
 * order that was drawn before.
 */
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

enum free_order { IN_ORDER, IN_REVERSE, AT_RANDOM };

struct burst {
  void **blocks;
  uint32_t *sizes, *order;
};

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct burst *burst = w->own = array_new (1, sizeof *burst);

  burst->blocks = array_new (o->burst, sizeof burst->blocks[0]);
  burst->sizes = array_new (o->burst, sizeof burst->sizes[0]);
  random_sizes (&w->random, burst->sizes, o->burst, o->size_min, o->size_max);
  if (w->run->scenario == &scenario_burst_random)
    {
      burst->order = array_new (o->burst, sizeof burst->order[0]);
      random_order (&w->random, burst->order, o->burst);
    }
}

KERNEL
burst_kernel (struct worker *w, enum memory_api api, enum free_order free_order)
{
  struct sydra_alloc *a = w->handle;
  const struct burst *burst = w->own;
  void **blocks = burst->blocks;
  const uint32_t *sizes = burst->sizes, *order = burst->order;
  uint32_t count = w->run->options->burst;

  do
    {
      for (uint32_t i = 0; i < count; i++)
        blocks[i] = block_new (api, a, sizes[i]);
      if (free_order == IN_ORDER)
        for (uint32_t i = 0; i < count; i++)
          block_free (api, a, blocks[i]);
      else if (free_order == IN_REVERSE)
        for (uint32_t i = count; i-- > 0;)
          block_free (api, a, blocks[i]);
      else
        for (uint32_t i = 0; i < count; i++)
          block_free (api, a, blocks[order[i]]);
      w->operations += count;
    }
  while (worker_goes_on (w));
}
KERNEL_FOR_BOTH (burst_order, burst_kernel, IN_ORDER)
KERNEL_FOR_BOTH (burst_reverse, burst_kernel, IN_REVERSE)
KERNEL_FOR_BOTH (burst_random, burst_kernel, AT_RANDOM)

static void
tear_down (struct worker *w)
{
  struct burst *burst = w->own;

  array_delete (burst->blocks);
  array_delete (burst->sizes);
  array_delete (burst->order);
  array_delete (burst);
}

const struct scenario scenario_burst_order = {
  .name = "burst-order",
  .what = "bursts of --burst blocks, freed in the order of their allocation",
  .set_up = set_up,
  .work = BOTH (burst_order),
  .tear_down = tear_down,
};
const struct scenario scenario_burst_reverse = {
  .name = "burst-reverse",
  .what = "bursts of --burst blocks, freed last first",
  .set_up = set_up,
  .work = BOTH (burst_reverse),
  .tear_down = tear_down,
};
const struct scenario scenario_burst_random = {
  .name = "burst-random",
  .what = "bursts of --burst blocks, freed in random order",
  .set_up = set_up,
  .work = BOTH (burst_random),
  .tear_down = tear_down,
};
