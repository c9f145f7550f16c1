/* SPDX-License-Identifier: MIT */
/*
 * timing.h: two clocks.  clock_ns for whole loops; the timer for single calls, in ticks: the processor's time stamp counter where it runs
 * at one rate for ever (x86), CLOCK_MONOTONIC elsewhere.  Nothing is subtracted from what it measures; its own cost is reported beside.
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
  bool tsc; /* else a tick is a nanosecond */
  double ns_per_tick;
  double own_ns; /* what it shows between a start and a stop with nothing between them: the median */
};
extern struct timer bench_timer; /* written by timer_calibrate before any thread is made, read by all */

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

/* rdtscp waits until the instructions before it are done; no fence holds up those after it. */
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
