/* SPDX-License-Identifier: MIT */
/* main.c: the test of what a thread gives back as it goes: the parts that it has. */
#include <config.h>

#include "trim.h"

int
main (void)
{
  Suite *suite = suite_create ("trim");

  trim_add_looks (suite);
  trim_add_budget (suite);
  trim_add_threads (suite);
  return test_run (suite);
}
