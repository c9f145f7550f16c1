/* SPDX-License-Identifier: MIT */
/* options.h: the command line of sydra-bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "memory_api.h"

#define THREADS_MAX 1024
#define THREAD_COUNTS_MAX 32
#define SELECTED_MAX 32

struct scenario;

struct options {
  enum memory_api api;
  bool json, shuffle;
  uint64_t operations; /* for each thread; 0: until the seconds are over */
  double seconds;
  uint32_t size_min, size_max; /* bytes */
  uint32_t burst, live;        /* blocks for each thread */
  uint64_t seed;
  unsigned repeat;
  unsigned thread_counts[THREAD_COUNTS_MAX], thread_counts_used;
  const struct scenario *selected[SELECTED_MAX];
  unsigned selected_used;
};

/*
 * Fills in *o.  --help, --version and list end the process with status 0.  A wrong command line
 * ends it with status 2 and one line that says what is right.
 */
void options_read (struct options *o, int count, char **words);

#endif
