/* SPDX-License-Identifier: MIT */
/*
 * samples.h: resident memory at equal distances of time, over one repetition.  Only the main thread is here.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include "result.h"

struct run;

void samples_forget (void);                  /* before a repetition */
void samples_take (struct run *run);         /* a scenario's sample; when there is no room, every second sample goes */
void samples_report (struct result *result); /* copies them; the last repetition's stay */

/* The sample that ends the first tenth, in KiB, and the largest distance from it of any later one. */
size_t samples_first_tenth_kib (void);
size_t samples_deviation_kib (void);

#endif
