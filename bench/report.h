/* SPDX-License-Identifier: MIT */
/* report.h: what was measured, for people or as one JSON object; on standard output. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "options.h"
#include "result.h"

void report_text_begin (const struct options *o);
void report_text (const struct options *o, const struct result *result);

void report_json_begin (const struct options *o);
void report_json (const struct options *o, const struct result *result);
void report_json_end (void);

/* Flushes; ends the process with a message where standard output did not take everything. */
void report_close (void);

#endif
