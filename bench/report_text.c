/* SPDX-License-Identifier: MIT */
/* report_text.c: one line for each run, and under it the figures that only its scenario has. */
#include "report.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "options.h"
#include "scenario.h"
#include "scenarios.h"
#include "timing.h"

void
report_text_begin (const struct options *o)
{
  if (o->api == API_HANDLE)
    printf ("sydra-alloc %s, %s, %u shards", sydra_alloc_version (), sydra_alloc_mode (),
            sydra_alloc_shards ());
  else
    printf ("malloc of the process");
  printf ("; sizes %u-%u, seed %llu", o->size_min, o->size_max, (unsigned long long) o->seed);
  if (o->operations)
    printf (", %llu operations a thread", (unsigned long long) o->operations);
  else
    printf (", %g s", o->seconds);
  printf (", median of %u\n", o->repeat);
  printf ("%-18s %8s %7s %10s %21s %14s %10s %10s\n", "scenario", "blocks", "threads", "ns/op",
          "min .. max", "ops/s", "peak KiB", "tables KiB");
}

static void
latencies (const struct result *result)
{
  double ns = bench_timer.ns_per_tick;

  printf ("  %-24s %10s %10s %10s %10s %12s\n", "ns", "p50", "p95", "p99", "p99.9", "max");
  for (unsigned i = 0; i < result->latencies_used; i++)
    {
      const struct histogram *h = result->latencies[i].histogram;

      printf ("  %-24s %10.1f %10.1f %10.1f %10.1f %12.1f\n", result->latencies[i].name,
              (double) histogram_quantile (h, 0.5) * ns, (double) histogram_quantile (h, 0.95) * ns,
              (double) histogram_quantile (h, 0.99) * ns,
              (double) histogram_quantile (h, 0.999) * ns, (double) h->max * ns);
    }
  printf ("  timer %s: shows %.1f ns for nothing, not subtracted\n", timer_name (),
          bench_timer.own_ns);
}

/* How many blocks the scenario holds at once for each thread, if an option says so. */
static void
blocks (const struct options *o, const struct scenario *scenario, char *text, size_t capacity)
{
  if (!strncmp (scenario->name, "burst-", strlen ("burst-")))
    snprintf (text, capacity, "%u", o->burst);
  else if (scenario == &scenario_pairs || scenario == &scenario_producer_consumer
           || scenario == &scenario_short_threads)
    snprintf (text, capacity, "-");
  else
    snprintf (text, capacity, "%u", o->live);
}

void
report_text (const struct options *o, const struct result *result)
{
  char spread[64], count[16];

  snprintf (spread, sizeof spread, "%.2f .. %.2f", result->min_ns, result->max_ns);
  blocks (o, result->scenario, count, sizeof count);
  printf ("%-18s %8s %7u %10.2f %21s %14.0f %10zu %10zu\n", result->scenario->name, count,
          result->threads, result->median_ns, spread,
          result->median_ns > 0 ? 1e9 / result->median_ns : 0, result->rss_peak_kib,
          result->tables_kib);
  for (unsigned i = 0; i < result->figures_used; i++)
    printf ("  %-24s %10.*f %s\n", result->figures[i].name, result->figures[i].value < 1000 ? 2 : 0,
            result->figures[i].value, result->figures[i].unit);
  if (result->latencies_used)
    latencies (result);
  if (!result->peak_is_own)
    printf ("  the peak is the process's since it began: the system cannot reset it\n");
  fflush (stdout);
}

void
report_close (void)
{
  if (fflush (stdout) || ferror (stdout))
    die ("cannot write the report: %s", strerror (errno));
}
