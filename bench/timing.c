/* SPDX-License-Identifier: MIT */
/*
 * timing.c: finds out whether the time stamp counter can be trusted, how fast it runs, and how long
 * it takes to read.
 */
#include "timing.h"
#include <stdlib.h>
#if TIMER_HAS_TSC
# include <cpuid.h>
#endif

#define CALIBRATION_NS 20000000
#define OWN_SAMPLES 10001

struct timer bench_timer = { false, 1, 0 };

#if TIMER_HAS_TSC
/* Whether the counter runs at one rate in every state of the processor, and rdtscp exists. */
static bool
tsc_is_steady (void)
{
  unsigned a, b, c, d;

  if (!__get_cpuid (0x80000007, &a, &b, &c, &d) || !(d & 1u << 8))
    return false;
  return __get_cpuid (0x80000001, &a, &b, &c, &d) && d & 1u << 27;
}
#endif

static int
by_value (const void *left, const void *right)
{
  uint64_t a = *(const uint64_t *) left, b = *(const uint64_t *) right;

  return (a > b) - (a < b);
}

static double
own_ticks (void)
{
  static uint64_t samples[OWN_SAMPLES];

  for (int i = 0; i < OWN_SAMPLES; i++)
    {
      uint64_t start = timer_start ();

      samples[i] = timer_stop () - start;
    }
  qsort (samples, OWN_SAMPLES, sizeof samples[0], by_value);
  return (double) samples[OWN_SAMPLES / 2];
}

void
timer_calibrate (void)
{
#if TIMER_HAS_TSC
  if (tsc_is_steady ())
    {
      uint64_t ns = clock_ns (), ticks = __rdtsc (), ns_after;

      do
        ns_after = clock_ns ();
      while (ns_after - ns < CALIBRATION_NS);
      ticks = __rdtsc () - ticks;
      bench_timer.ns_per_tick = (double) (ns_after - ns) / (double) ticks;
      bench_timer.tsc = true;
    }
#endif
  bench_timer.own_ns = own_ticks () * bench_timer.ns_per_tick;
}

const char *
timer_name (void)
{
  return bench_timer.tsc ? "tsc" : "clock_monotonic";
}
