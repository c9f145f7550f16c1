/* SPDX-License-Identifier: MIT */
/* main.c: the test of what a thread gives back as it goes: the parts that it has. */
#include <config.h>

#include "tend.h"

int
main (void)
{
  Suite *suite = suite_create ("tend");

  tend_add_looks (suite);
  tend_add_room (suite);
  tend_add_threads (suite);
  return test_run (suite);
}
