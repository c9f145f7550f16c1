/* SPDX-License-Identifier: MIT */
/*
 * sydra-bench: measures what one allocation and its free cost, in named scenarios, in time and
 * memory.
 *
 *
 *   options    the command line
 *   runner     one scenario at one number of threads: threads, clock, repetitions
 *   scenarios  the list of scenarios; each family has a file of its own and includes scenario.h
 *   report     text and JSON
 *
 * With --api malloc the program does not call the library.  So it measures the malloc that it was
 * started with.
 */
#include "options.h"
#include "progress.h"
#include "report.h"
#include "rss.h"
#include "runner.h"
#include "scenario.h"
#include "timing.h"

int
main (int argc, char **argv)
{
  static struct options options;
  static struct result result;
  struct sydra_alloc *handle = NULL;

  options_read (&options, argc, argv);
  timer_calibrate ();
  rss_begin ();
  if (options.api == API_HANDLE)
    handle = sydra_alloc_default ();
  progress_begin (options.selected_used * options.thread_counts_used);
  (options.json ? report_json_begin : report_text_begin) (&options);
  for (unsigned i = 0; i < options.selected_used; i++)
    for (unsigned j = 0; j < options.thread_counts_used; j++)
      {
        run_scenario (&options, options.selected[i], options.thread_counts[j], handle, &result);
        (options.json ? report_json : report_text) (&options, &result);
      }
  if (options.json)
    report_json_end ();
  report_close ();
  return 0;
}
