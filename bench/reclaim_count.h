/* SPDX-License-Identifier: MIT */
/*
 * reclaim_count.h: how many blocks were retired, and how many were freed.
 *
 * Each thread has counts of its own, also a thread that the library itself starts.  Only that
 * thread writes them; the main thread adds up all of them.
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

/* To a count of the calling thread. */
static inline void
reclaim_count_add (uint64_t *count)
{
  __atomic_store_n (count, __atomic_load_n (count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/* Frees a block that malloc made and counts that.  A library calls it for a retired block. */
static inline void
reclaim_free (void *block)
{
  free (block);
  reclaim_count_add (&reclaim_count_own ()->freed);
}

/* All blocks that were retired so far.  Exact when no thread runs. */
uint64_t reclaim_count_retired (void);

/* The blocks that are retired and not freed.  While threads run, never more than there are. */
uint64_t reclaim_count_waiting (void);

#endif
