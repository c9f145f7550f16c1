/* SPDX-License-Identifier: MIT */
/* main.c: the test of the range and its units: the parts that it has. */
#include <config.h>

#include "range.h"

int
main (void)
{
  Suite *suite = suite_create (TEST_RESERVED ? "range_reserved" : "range");

  if (TEST_RESERVED)
    places_use_up ();
  range_add_short (suite);
  range_add_map (suite);
  range_add_taking (suite);
  range_add_changing (suite);
  range_add_waiting (suite);
  range_add_purging (suite);
  range_add_moving (suite);
  range_add_huge (suite);
  range_add_ahead (suite);
  range_add_growing (suite);
  range_add_foreign (suite);
  range_add_threads (suite);
  return test_run (suite);
}
