/* SPDX-License-Identifier: MIT */
/* large.h: what the kernels of large blocks share: threads that replace random blocks of a table, each its own. */
#ifndef BENCH_KERNELS_LARGE_H
#define BENCH_KERNELS_LARGE_H

#include "kernel.h"

struct large_worker {
  struct random random;
  struct tally tally;
} __attribute__ ((__aligned__ (128)));

struct large {
  struct kernel *kernel;
  uint64_t steps; /* a thread, at scale 1 */
  uint32_t live;  /* slots a thread */
  void (*make) (struct large_worker *w, struct stamped *block);
  void (*unmake) (struct large_worker *w, struct stamped *block);
};

int large_main (const struct large *large, int count, char **words);

/* A size whose logarithm is evenly spread over 2^least .. 2^most bytes. */
size_t large_size (struct random *random, unsigned least, unsigned most);

#endif
