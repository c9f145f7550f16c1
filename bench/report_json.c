/* SPDX-License-Identifier: MIT */
/* report_json.c: one JSON object.  sydra-bench(1) describes its members. */
#include <stdio.h>
#include "report.h"
#include "options.h"
#include "scenario.h"
#include "timing.h"

static unsigned written;

void
report_json_begin (const struct options *o)
{
  printf ("{\"version\": \"%s\", \"api\": \"%s\"", sydra_alloc_version (),
          o->api == API_HANDLE ? "handle" : "malloc");
  if (o->api == API_HANDLE)
    printf (", \"mode\": \"%s\", \"shards\": %u", sydra_alloc_mode (), sydra_alloc_shards ());
  printf (
    ",\n \"options\": {\"size_min\": %u, \"size_max\": %u, \"burst\": %u, \"live\": %u, \"ops\": %llu, \"seconds\": %g, "
    "\"repeat\": %u, \"seed\": %llu},\n",
    o->size_min, o->size_max, o->burst, o->live, (unsigned long long) o->operations, o->seconds,
    o->repeat, (unsigned long long) o->seed);
  printf (
    " \"timer\": {\"name\": \"%s\", \"ns_per_tick\": %.6f, \"own_ns\": %.3f},\n \"results\": [",
    timer_name (), bench_timer.ns_per_tick, bench_timer.own_ns);
}

static void
latencies (const struct result *result)
{
  static const struct {
    const char *name;
    double fraction;
  } quantiles[] = { { "p50", 0.5 }, { "p95", 0.95 }, { "p99", 0.99 }, { "p99_9", 0.999 } };
  double ns = bench_timer.ns_per_tick;

  printf (",\n   \"latency_ns\": {");
  for (unsigned i = 0; i < result->latencies_used; i++)
    {
      const struct histogram *h = result->latencies[i].histogram;

      printf ("%s\n    \"%s\": {\"count\": %llu", i ? "," : "", result->latencies[i].name,
              (unsigned long long) h->total);
      for (unsigned q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++)
        printf (", \"%s\": %.1f", quantiles[q].name,
                (double) histogram_quantile (h, quantiles[q].fraction) * ns);
      printf (", \"max\": %.1f}", (double) h->max * ns);
    }
  printf ("}");
}

static void
rss_samples (const struct result *result)
{
  printf (",\n   \"rss_sample_seconds\": %.6f, \"rss_samples_kib\": [",
          result->rss_samples_every_s);
  for (unsigned i = 0; i < result->rss_samples_used; i++)
    printf ("%s%zu", i ? ", " : "", result->rss_samples_kib[i]);
  printf ("]");
}

void
report_json (const struct options *o, const struct result *result)
{
  (void) o;
  printf ("%s\n  {\"scenario\": \"%s\", \"threads\": %u, \"operations\": %llu,\n",
          written++ ? "," : "", result->scenario->name, result->threads,
          (unsigned long long) result->operations);
  printf (
    "   \"ns_per_op\": %.4f, \"ns_per_op_min\": %.4f, \"ns_per_op_max\": %.4f, \"ops_per_second\": %.0f,\n",
    result->median_ns, result->min_ns, result->max_ns,
    result->median_ns > 0 ? 1e9 / result->median_ns : 0);
  printf (
    "   \"rss_before_kib\": %zu, \"rss_peak_kib\": %zu, \"rss_after_kib\": %zu, \"tables_kib\": %zu, \"rss_peak_of\": \"%s\"",
    result->rss_before_kib, result->rss_peak_kib, result->rss_after_kib, result->tables_kib,
    result->peak_is_own ? "run" : "process");
  for (unsigned i = 0; i < result->figures_used; i++)
    printf (",\n   \"%s\": %.*f", result->figures[i].name, result->figures[i].value < 1000 ? 3 : 0,
            result->figures[i].value);
  if (result->latencies_used)
    latencies (result);
  if (result->rss_samples_used)
    rss_samples (result);
  printf ("}");
  fflush (stdout);
}

void
report_json_end (void)
{
  printf ("\n ]}\n");
}
