/* SPDX-License-Identifier: MIT */
/* main.c: the test of thread caches: the parts that it has. */
#include <config.h>

#include "thread_cache.h"

int
main (void)
{
  Suite *suite = suite_create ("thread_cache");

  thread_cache_add_births (suite);
  thread_cache_add_counts (suite);
  thread_cache_add_magazines (suite);
  thread_cache_add_zeroed (suite);
  thread_cache_add_limits (suite);
  thread_cache_add_threads (suite);
  return test_run (suite);
}
