/* SPDX-License-Identifier: MIT */
/*
 * timing.h: two clocks.  clock_ns is for whole loops.
 *
 * The timer is for single calls, in ticks.  It is the processor's time stamp counter if that runs
 * at a constant rate (x86), and CLOCK_MONOTONIC elsewhere.  Its own cost is not subtracted, but
 * reported.
 */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined __x86_64__ || defined __i386__
# define TIMER_HAS_TSC 1
# include <x86intrin.h>
#else
# define TIMER_HAS_TSC 0
#endif

struct timer {
  bool tsc; /* false: a tick is a nanosecond */
  double ns_per_tick;
  /* its own cost: the median of what it shows between a start and a stop with nothing in between */
  double own_ns;
};
/* timer_calibrate writes it before any thread starts; all read it */
extern struct timer bench_timer;

void timer_calibrate (void); /* takes about 20 ms */
const char *timer_name (void);

static inline uint64_t
clock_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static inline __attribute__ ((__always_inline__)) uint64_t
timer_start (void)
{
#if TIMER_HAS_TSC
  if (__builtin_expect (bench_timer.tsc, 1))
    return __rdtsc ();
#endif
  return clock_ns ();
}

/* rdtscp waits until the instructions before it are done.  Nothing holds up those after it. */
static inline __attribute__ ((__always_inline__)) uint64_t
timer_stop (void)
{
#if TIMER_HAS_TSC
  unsigned processor;

  if (__builtin_expect (bench_timer.tsc, 1))
    return __rdtscp (&processor);
#endif
  return clock_ns ();
}

#endif
