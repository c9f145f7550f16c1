/* SPDX-License-Identifier: MIT */
/* main.c: the test of statistics: the parts that it has. */
#include <config.h>

#include "stats.h"

int
main (void)
{
  Suite *suite = suite_create ("stats");

  stats_add_counts (suite);
  stats_add_high_water (suite);
  stats_add_running (suite);
  stats_add_struct_size (suite);
  stats_add_rendering (suite);
  return test_run (suite);
}
