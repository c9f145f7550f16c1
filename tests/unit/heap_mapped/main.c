/* SPDX-License-Identifier: MIT */
/* main.c: the test of the heap that maps: the parts that it has. */
#include <config.h>

#include "heap_mapped.h"

int
main (void)
{
  Suite *suite = suite_create ("heap_mapped");

  heap_mapped_add_model (suite);
  heap_mapped_add_blocks (suite);
  heap_mapped_add_moves (suite);
  heap_mapped_add_waiting (suite);
  return test_run (suite);
}
