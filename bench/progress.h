/* SPDX-License-Identifier: MIT */
/*
 * progress.h: shows one line on standard error, if that is a terminal and the program has run for
 * more than two seconds.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdint.h>

struct run;

void progress_begin (unsigned runs);                         /* runs: how many there will be */
void progress_show (const struct run *run, uint64_t now_ns); /* call it now and then */
void progress_end (void);                                    /* after a run: removes the line */

#endif
