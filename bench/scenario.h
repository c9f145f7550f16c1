/* SPDX-License-Identifier: MIT */
/*
 * scenario.h: what a scenario is, and what it is given.
 *
 * A run is one scenario at one number of threads, repeated.  In each repetition the workers set up (untimed), work one chunk (untimed, so
 * that first touches are over), meet, and work until worker_goes_on says no.  An operation is one allocation and its free.  A worker's
 * record is written by its own thread; others read it before that thread begins or after it ended.
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
  void (*prepare) (struct run *run); /* before the threads of a repetition; may fill run->shared */
  void (*set_up) (struct worker *w);
  void (*work[API_COUNT]) (struct worker *w);
  void (*tear_down) (struct worker *w);                    /* gives back every block and table of this worker */
  void (*finish) (struct run *run, struct result *result); /* after the threads */
  void (*sample) (struct run *run);                        /* now and then while the workers work, in the main thread */
  bool cold;                                               /* no chunk before the clock starts */
};
extern const struct scenario *const scenarios[]; /* ends with NULL; stress comes last */

struct run {
  const struct options *options;
  const struct scenario *scenario;
  struct sydra_alloc *handle; /* NULL with --api malloc */
  unsigned threads, repetition;
  struct worker *workers;
  void *shared; /* the scenario's */
  uint64_t begin_ns;
  bool stop; /* time is over; written by the main thread, read by all */
  pthread_barrier_t meet;
  pthread_mutex_t lock; /* over working */
  pthread_cond_t ended;
  unsigned working; /* workers whose loop is not over */
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

/* Asked after each chunk.  relaxed: a late answer costs one more chunk. */
static inline bool
worker_goes_on (const struct worker *w)
{
  if (w->limit)
    return w->operations < w->limit;
  return !__atomic_load_n (&w->run->stop, __ATOMIC_RELAXED);
}

/* The calls for what is not timed. */
void *worker_new_block (struct worker *w, size_t size);
void worker_free_block (struct worker *w, void *block);

#endif
