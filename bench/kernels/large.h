/* SPDX-License-Identifier: MIT */
/*
 * large.h: what the kernels of large blocks share.  In these each thread replaces random blocks of
 * a table of its own.
 */
#ifndef BENCH_KERNELS_LARGE_H
#define BENCH_KERNELS_LARGE_H

#include "kernel.h"

struct large_worker {
  struct random random;
  struct tally tally;
} __attribute__ ((__aligned__ (128)));

struct large {
  struct kernel *kernel;
  uint64_t steps; /* for each thread, at scale 1 */
  uint32_t live;  /* slots of each thread */
  void (*make) (struct large_worker *w, struct stamped *block);
  void (*unmake) (struct large_worker *w, struct stamped *block);
};

int large_main (const struct large *large, int count, char **words);

/* A size from 2^least to 2^most bytes.  Its logarithm is evenly distributed. */
size_t large_size (struct random *random, unsigned least, unsigned most);

#endif
