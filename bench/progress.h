/* SPDX-License-Identifier: MIT */
/* progress.h: one line on standard error, where that is a terminal and the program has run for over two seconds. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdint.h>

struct run;

void progress_begin (unsigned runs);                         /* how many runs there will be */
void progress_show (const struct run *run, uint64_t now_ns); /* now and then */
void progress_end (void);                                    /* a run is over: takes the line away */

#endif
