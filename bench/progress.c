/* SPDX-License-Identifier: MIT */
/* progress.c: each update is one write.  There are at most ten a second. */
#include "progress.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "options.h"
#include "scenario.h"
#include "timing.h"

#define QUIET_NS 2000000000
#define REWRITE_NS 100000000

static bool wanted, shown;
static unsigned runs_planned, runs_over;
static uint64_t program_began_ns, shown_ns;

void
progress_begin (unsigned runs)
{
  wanted = isatty (STDERR_FILENO) == 1;
  runs_planned = runs;
  program_began_ns = clock_ns ();
}

static void
put (const char *text)
{
  if (write (STDERR_FILENO, text, strlen (text)) < 0)
    wanted = false;
}

void
progress_show (const struct run *run, uint64_t now_ns)
{
  char line[160];
  uint64_t in_run;

  if (!wanted || now_ns - program_began_ns < QUIET_NS || now_ns - shown_ns < REWRITE_NS)
    return;
  shown_ns = now_ns;
  shown = true;
  in_run = now_ns > run->begin_ns ? now_ns - run->begin_ns : 0;
  snprintf (line, sizeof line, "\r\033[K%u/%u %s, threads %u, repetition %u/%u: %.1f s",
            runs_over + 1, runs_planned, run->scenario->name, run->threads, run->repetition + 1,
            run->options->repeat, (double) in_run / 1e9);
  put (line);
}

void
progress_end (void)
{
  runs_over++;
  if (shown)
    put ("\r\033[K");
  shown = false;
}
