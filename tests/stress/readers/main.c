/* SPDX-License-Identifier: MIT */
/* main.c: the test of readers: the parts that it has, and where it can run. */
#include <config.h>

#include "readers.h"

bool soak;

int
main (void)
{
  if (FINDS && TEST_SANITIZED)
    return test_skip_all ("a sanitizer's own synchronisation hides the fault, or reports it first");
  soak = getenv ("SYDRA_SOAK") != NULL;
  sy_epoch_prepare ();
  if (FINDS && !sy_epoch_is_light)
    return test_skip_all ("without membarrier readers have a fence, and the fault is none");

  Suite *suite = suite_create ("readers");

  readers_add_generations (suite);
  if (!FINDS)
    readers_add_stalled (suite);
  return test_run (suite);
}
