/* SPDX-License-Identifier: MIT */
/*
 * samples.h: samples resident memory at equal intervals, over one repetition.  Only the main thread
 * calls this.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include "result.h"

struct run;

/* Call it before a repetition. */
void samples_forget (void);

/* A scenario's `sample`.  When the array is full, every second sample is dropped. */
void samples_take (struct run *run);

/* Copies the samples of the last repetition. */
void samples_report (struct result *result);

/*
 * The sample at the end of the first tenth, in KiB, and the largest distance of any later one from
 * it.
 */
size_t samples_first_tenth_kib (void);
size_t samples_deviation_kib (void);

#endif
