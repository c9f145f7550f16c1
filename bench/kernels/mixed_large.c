/* SPDX-License-Identifier: MIT */
/*
 * mixed_large.c: replaces blocks of 16 KiB to 1 MiB at random and writes each of their pages.
 * About 25 MB are live in each thread.
 */
#include "large.h"

static struct kernel kernel = {
  .name = "mixed_large",
  .what = "Threads replace random blocks of 16 KiB to 1 MiB; every page is written and read.",
  .threads = 2,
};

static void
make (struct large_worker *w, struct stamped *block)
{
  size_t size = large_size (&w->random, 14, 20);

  kernel_new_block (block, size, random_next (&w->random));
}

static void
unmake (struct large_worker *w, struct stamped *block)
{
  kernel_free_block (block, &w->tally);
}

static const struct large large = { &kernel, 60000, 96, make, unmake };

int
main (int count, char **words)
{
  return large_main (&large, count, words);
}
