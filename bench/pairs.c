/* SPDX-License-Identifier: MIT */
/* pairs.c: allocates a block and frees it at once. */
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define CHUNK 4096

static void
set_up (struct worker *w)
{
  w->own = array_new (CHUNK, sizeof (uint32_t));
  random_sizes (&w->random, w->own, CHUNK, w->run->options->size_min, w->run->options->size_max);
}

KERNEL
pairs (struct worker *w, enum memory_api api)
{
  struct sydra_alloc *a = w->handle;
  const uint32_t *sizes = w->own;

  do
    {
      for (unsigned i = 0; i < CHUNK; i++)
        block_free (api, a, block_new (api, a, sizes[i]));
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
}
KERNEL_FOR_BOTH (pairs, pairs)

static void
tear_down (struct worker *w)
{
  array_delete (w->own);
}

const struct scenario scenario_pairs = {
  .name = "pairs",
  .what = "a block is freed as soon as it is had",
  .set_up = set_up,
  .work = BOTH (pairs),
  .tear_down = tear_down,
};
