/* SPDX-License-Identifier: MIT */
/* report.h: prints the results to standard output, as text or as one JSON object. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "options.h"
#include "result.h"

void report_text_begin (const struct options *o);
void report_text (const struct options *o, const struct result *result);

void report_json_begin (const struct options *o);
void report_json (const struct options *o, const struct result *result);
void report_json_end (void);

/* Flushes standard output.  If that did not take everything, ends the process with a message. */
void report_close (void);

#endif
