/* SPDX-License-Identifier: MIT */
/*
 * samples.c: sample i belongs to the time begin + i * every_ns.  Invariant: used < RSS_SAMPLES_MAX
 * between calls.
 */
#include "samples.h"
#include "rss.h"
#include "scenario.h"
#include "timing.h"

#define EVERY_NS 5000000 /* at first; the runner asks for samples as often */

static size_t kib[RSS_SAMPLES_MAX];
static unsigned used;
static uint64_t every_ns;

void
samples_forget (void)
{
  used = 0;
  every_ns = EVERY_NS;
}

static void
thin_out (void)
{
  used /= 2;
  for (unsigned i = 0; i < used; i++)
    kib[i] = kib[2 * i];
  every_ns *= 2;
}

void
samples_take (struct run *run)
{
  uint64_t now = clock_ns ();
  size_t rss = rss_now ();

  /* If the thread was late, one value stands for all samples that are due. */
  while (run->begin_ns + used * every_ns <= now)
    {
      kib[used++] = rss;
      if (used == RSS_SAMPLES_MAX)
        thin_out ();
    }
}

void
samples_report (struct result *result)
{
  for (unsigned i = 0; i < used; i++)
    result->rss_samples_kib[i] = kib[i];
  result->rss_samples_used = used;
  result->rss_samples_every_s = (double) every_ns / 1e9;
}

size_t
samples_first_tenth_kib (void)
{
  return used ? kib[used / 10] : 0;
}

size_t
samples_deviation_kib (void)
{
  size_t base = samples_first_tenth_kib (), most = 0;

  for (unsigned i = used / 10; i < used; i++)
    {
      size_t distance = kib[i] > base ? kib[i] - base : base - kib[i];

      if (distance > most)
        most = distance;
    }
  return most;
}
