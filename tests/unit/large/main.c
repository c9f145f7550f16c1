/* SPDX-License-Identifier: MIT */
/* main.c: the test of large blocks: the parts that it has. */
#include <config.h>

#include "large.h"

int
main (void)
{
  Suite *suite = suite_create ("large");

  large_add_sizes (suite);
  large_add_misuse (suite);
  large_add_lengths (suite);
  large_add_huge (suite);
  large_add_limits (suite);
  large_add_model (suite);
  large_add_moves (suite);
  large_add_waiting (suite);
  return test_run (suite);
}
