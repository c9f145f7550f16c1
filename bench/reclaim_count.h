/* SPDX-License-Identifier: MIT */
/*
 * reclaim_count.h: counts the blocks that were retired and those that were freed.
 *
 * Each thread has counts of its own, including threads that the library starts.  Only that thread
 * writes them; the main thread adds up the counts of all.
 */
#ifndef BENCH_RECLAIM_COUNT_H
#define BENCH_RECLAIM_COUNT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Relaxed: while threads run, a sum of the counts is an estimate. */
struct reclaim_count {
  uint64_t retired, freed; /* blocks */
} __attribute__ ((__aligned__ (128)));

extern __thread struct reclaim_count *reclaim_count; /* NULL: this thread has none yet */

/* Sets reclaim_count.  The counts stay for the life of the process. */
struct reclaim_count *reclaim_count_new (void);

static inline struct reclaim_count *
reclaim_count_own (void)
{
  return __builtin_expect (reclaim_count != NULL, 1) ? reclaim_count : reclaim_count_new ();
}

/* Adds one to a count of the calling thread. */
static inline void
reclaim_count_add (uint64_t *count)
{
  __atomic_store_n (count, __atomic_load_n (count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/* Frees a block that malloc made, and counts it.  A library calls this for each retired block. */
static inline void
reclaim_free (void *block)
{
  free (block);
  reclaim_count_add (&reclaim_count_own ()->freed);
}

/* The number of blocks that were retired so far.  Exact when no thread runs. */
uint64_t reclaim_count_retired (void);

/*
 * The number of blocks that are retired and not freed.  While threads run it may be too small, but
 * never too large.
 */
uint64_t reclaim_count_waiting (void);

#endif
