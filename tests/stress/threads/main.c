/* SPDX-License-Identifier: MIT */
/* main.c: the test of many threads: the parts that it has. */
#include <config.h>

#include "blocks.h"

int
main (void)
{
  if (SY_THREAD_SANITIZER && sydra_alloc_is_mimalloc ())
    return test_skip_all ("ThreadSanitizer does not see how mimalloc, built without it, "
                          "synchronises");

  Suite *suite = suite_create ("threads");

  /* First where tests do not fork: a key is to be made before the library's. */
  threads_add_destructors (suite);
  threads_add_travel (suite);
  threads_add_short (suite);
  return test_run (suite);
}
