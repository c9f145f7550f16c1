/* SPDX-License-Identifier: MIT */
/* main.c: the test of calls to the system that fail: the parts that it has. */
#include <config.h>

#include "failing_calls.h"

int
main (void)
{
  Suite *suite = suite_create ("out_of_memory");

  failing_calls_add_points (suite);
  failing_calls_add_refusals (suite);
  failing_calls_add_moves (suite);
  failing_calls_add_limits (suite);
  return test_run (suite);
}
