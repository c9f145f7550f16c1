/* SPDX-License-Identifier: MIT */
/* rss.h: the process's resident memory, in KiB.  Allocates nothing. */
#ifndef BENCH_RSS_H
#define BENCH_RSS_H

#include <stdbool.h>
#include <stddef.h>

size_t rss_now (void);  /* 0 if the system does not tell */
size_t rss_peak (void); /* since rss_peak_forget, if that succeeded; else since the process began */
bool rss_peak_forget (void);

void rss_begin (void); /* call it once, before anything is allocated */

/*
 * Of so many resident KiB, those that are neither in a file that is mapped now nor were resident at
 * rss_begin.
 */
size_t rss_grown (size_t resident_kib);

#endif
