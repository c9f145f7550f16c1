/* SPDX-License-Identifier: MIT */
/* result.h: the results of one run. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "histogram.h"

#define REPEAT_MAX 1000
#define FIGURES_MAX 8
#define LATENCIES_MAX 6
#define RSS_SAMPLES_MAX 256

struct scenario;

/* A number that only one scenario has. */
struct figure {
  const char *name, *unit;
  double value;
};

struct latency {
  const char *name;
  const struct histogram *histogram; /* in ticks */
};

struct result {
  const struct scenario *scenario;
  unsigned threads, repeat;
  uint64_t operations;   /* sum over all repetitions */
  /* wall-clock ns an operation, for each repetition; sorted when the run is over */
  double ns[REPEAT_MAX];
  double median_ns, min_ns, max_ns;
  size_t rss_before_kib, rss_peak_kib, rss_after_kib, tables_kib;
  bool peak_is_own; /* the peak is this run's, not the process's */
  struct figure figures[FIGURES_MAX];
  unsigned figures_used;
  struct latency latencies[LATENCIES_MAX];
  unsigned latencies_used;
  size_t rss_samples_kib[RSS_SAMPLES_MAX]; /* of the last repetition, at equal intervals */
  unsigned rss_samples_used;
  double rss_samples_every_s;
};

/* Sets a figure.  An older one with that name is overwritten. */
void result_figure (struct result *result, const char *name, const char *unit, double value);

#endif
