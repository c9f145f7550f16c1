/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "base/bug.h"
#include "child.h"
#include "suite.h"

static char long_words[1000];

static int
report (void *pointer)
{
  sy_bug ("sydra_free", pointer, "block freed twice");
}

static int
report_at_length (void *pointer)
{
  sy_bug ("call", pointer, long_words);
}

static int
report_into_nothing (void *pointer)
{
  close (STDERR_FILENO);
  sy_bug ("sydra_free", pointer, "block freed twice");
}

START_TEST (the_line_names_call_pointer_and_fault)
{
  if (sizeof (void *) == 8)
    child_must_abort (report, (void *) (uintptr_t) UINT64_C (0x7f00dead0010),
                      "sydra-alloc: sydra_free: 0x7f00dead0010: block freed twice\n");
  child_must_abort (report, (void *) (uintptr_t) 0x7ead0010,
                    "sydra-alloc: sydra_free: 0x7ead0010: block freed twice\n");
  child_must_abort (report, NULL, "sydra-alloc: sydra_free: 0x0: block freed twice\n");
  child_must_abort (report, (void *) UINTPTR_MAX,
                    sizeof (void *) == 8
                      ? "sydra-alloc: sydra_free: 0xffffffffffffffff: block freed twice\n"
                      : "sydra-alloc: sydra_free: 0xffffffff: block freed twice\n");
}
END_TEST

START_TEST (words_too_long_are_cut_and_still_end_the_line)
{
  char line[257] = "sydra-alloc: call: 0x1: ";

  memset (long_words, 'x', sizeof long_words - 1);
  memset (line + strlen (line), 'x', 255 - strlen (line));
  line[255] = '\n';
  child_must_abort (report_at_length, (void *) 1, line);
}
END_TEST

START_TEST (a_report_that_cannot_be_written_still_ends_the_process)
{
  child_must_abort (report_into_nothing, NULL, "");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bug");
  TCase *tests = test_case (suite, "report", 20);

  tcase_add_test (tests, the_line_names_call_pointer_and_fault);
  tcase_add_test (tests, words_too_long_are_cut_and_still_end_the_line);
  tcase_add_test (tests, a_report_that_cannot_be_written_still_ends_the_process);
  return test_run (suite);
}
