/* SPDX-License-Identifier: MIT */
/* large.c: each thread replaces random blocks of a table of its own. */
#include "large.h"

static const struct large *large; /* written before any thread starts */

size_t
large_size (struct random *random, unsigned least, unsigned most)
{
  size_t from = (size_t) 1 << (least + random_below (random, most - least));

  return from + random_below (random, from + 1);
}

static void *
work (void *argument)
{
  struct large_worker *w = argument;
  struct stamped *live = array_new (large->live, sizeof *live);
  uint64_t steps = kernel_scaled (large->kernel, large->steps);

  for (uint64_t i = 0; i < steps; i++)
    {
      struct stamped *block = &live[random_below (&w->random, large->live)];

      if (block->start)
        large->unmake (w, block);
      large->make (w, block);
    }
  for (uint32_t i = 0; i < large->live; i++)
    if (live[i].start)
      large->unmake (w, &live[i]);
  w->tally.operations = steps;
  array_delete (live);
  return NULL;
}

int
large_main (const struct large *what, int count, char **words)
{
  struct kernel *kernel = what->kernel;
  struct large_worker *workers;
  struct tally all = { 0, 0 };

  kernel_begin (kernel, count, words);
  large = what;
  workers = array_new (kernel->threads, sizeof *workers);
  for (unsigned i = 0; i < kernel->threads; i++)
    workers[i].random.state = kernel->seed * KERNEL_THREADS_MAX + i;
  kernel_threads (kernel->threads, work, workers, sizeof *workers);
  for (unsigned i = 0; i < kernel->threads; i++)
    tally_add (&all, &workers[i].tally);
  array_delete (workers);
  return kernel_end (kernel, all);
}
