/* SPDX-License-Identifier: MIT */
/* runner.h: runs one scenario at one number of threads, with all its repetitions. */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include "options.h"
#include "result.h"

struct scenario;

/* Fills in *result.  handle is NULL with --api malloc. */
void run_scenario (const struct options *o, const struct scenario *scenario, unsigned threads,
                   struct sydra_alloc *handle, struct result *result);

#endif
