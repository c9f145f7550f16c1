/* SPDX-License-Identifier: MIT */
/* main.c: the test of the range and its slabs: the parts that it has. */
#include <config.h>

#include "region.h"

int
main (void)
{
  Suite *suite = suite_create ("region");

  region_add_zones (suite);
  region_add_range (suite);
  region_add_slabs (suite);
  region_add_waiting (suite);
  region_add_reaping (suite);
  region_add_threads (suite);
  return test_run (suite);
}
