/* SPDX-License-Identifier: MIT */
/*
 * report.h: writes the statistics that SYDRA_ALLOC_CONF asks for when the process exits.  It calls
 * no malloc.  Without memory for its buffers there is no report.
 */
#ifndef SY_MALLOC_REPORT_H
#define SY_MALLOC_REPORT_H

#include "conf.h"
#include "sydra/alloc.h"

/*
 * Called once, early.  It notes where the report goes, as the program may close its standard error
 * or change its directory, and empties the report's file.  The report will be about the handle.
 * conf must stay valid.  Keeps errno.
 */
void sy_report_begin (const struct sy_conf *conf, struct sydra_alloc *handle);

/*
 * Writes the whole text to a file descriptor.  It is a writer for sydra_stats_write, and ctx points
 * to the descriptor.
 */
int sy_report_write (void *ctx, const char *text, size_t length);

#endif
