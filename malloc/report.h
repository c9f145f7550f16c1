/* SPDX-License-Identifier: MIT */
/* report.h: the statistics that SYDRA_ALLOC_CONF asks for, written when the process exits.  Allocates nothing. */
#ifndef SY_MALLOC_REPORT_H
#define SY_MALLOC_REPORT_H

#include "conf.h"
#include "sydra/alloc.h"

/*
 * Once, early: notes where the report goes, as the program may close its standard error or change
 * its directory, and empties the file that is there.  The report is on the handle.  conf stays.  errno is kept.
 */
void sy_report_begin (const struct sy_conf *conf, struct sydra_alloc *handle);

/* Hands the text to the file descriptor whole: a function for sydra_stats_write; ctx points to the descriptor. */
int sy_report_write (void *ctx, const char *text, size_t length);

#endif
