/* SPDX-License-Identifier: MIT */
/*
 * scenario.h: what a scenario provides, and what it is given.
 *
 * A run is one scenario at one number of threads, repeated.  In each repetition the workers set up,
 * work one chunk, meet, and work until worker_goes_on returns false.  Only the time after the
 * meeting counts, so that first touches are over by then.  An operation is one allocation and its
 * free.  A worker's record is written by its own thread.  Others read it before that thread begins
 * or after it has ended.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "memory_api.h"
#include "result.h"
#include "util.h"

struct options;

struct worker;
struct run;

struct scenario {
  const char *name, *what;
  /* Runs before the threads of a repetition.  May fill in run->shared. */
  void (*prepare) (struct run *run);
  void (*set_up) (struct worker *w);
  void (*work[API_COUNT]) (struct worker *w);
  /* Frees all blocks and tables of this worker. */
  void (*tear_down) (struct worker *w);
  /* Runs after the threads. */
  void (*finish) (struct run *run, struct result *result);
  /* The main thread calls it now and then while the workers work. */
  void (*sample) (struct run *run);
  /* No chunk is worked before the clock starts. */
  bool cold;
};
extern const struct scenario *const scenarios[]; /* ends with NULL; stress is last */

struct run {
  const struct options *options;
  const struct scenario *scenario;
  struct sydra_alloc *handle; /* NULL with --api malloc */
  unsigned threads, repetition;
  struct worker *workers;
  void *shared; /* the scenario's */
  uint64_t begin_ns;
  bool stop; /* the time is over; the main thread writes, all read */
  pthread_barrier_t meet;
  pthread_mutex_t lock; /* guards working */
  pthread_cond_t ended;
  unsigned working; /* workers whose loop is not over yet */
};

struct worker {
  struct run *run;
  struct sydra_alloc *handle;
  unsigned index;
  struct random random;
  uint64_t limit;      /* operations to do; 0: until run->stop */
  uint64_t operations; /* done */
  uint64_t begin_ns, end_ns;
  void *own; /* the scenario's */
  pthread_t thread;
} __attribute__ ((__aligned__ (128))); /* no two workers share a cache line */

/* A worker asks this after each chunk.  Relaxed: a late answer costs one more chunk. */
static inline bool
worker_goes_on (const struct worker *w)
{
  if (w->limit)
    return w->operations < w->limit;
  return !__atomic_load_n (&w->run->stop, __ATOMIC_RELAXED);
}

/* For blocks that are not timed. */
void *worker_new_block (struct worker *w, size_t size);
void worker_free_block (struct worker *w, void *block);

#endif
