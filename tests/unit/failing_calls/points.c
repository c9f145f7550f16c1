/* SPDX-License-Identifier: MIT */
/* points.c: a call that fails at any point of any workload is survived. */
#include <config.h>

#include "failing_calls.h"
#include "unit/child.h"

static int
run_with_fault (void *workload)
{
  fault_begin ();
  ((const struct workload *) workload)->run ();
  return AO_load (&fault.hits) != 0;
}

/* How far the next point is behind the nth.  In the short form the seed chooses: over many runs no
   point is left out.  With a sanitizer it is soon twice as far, as a fork is slow. */
static unsigned
step_behind (unsigned nth, struct test_random *random)
{
  if (TEST_SANITIZED)
    return SY_THREAD_SANITIZER && nth < 8 ? 1 : nth;
  if (test_is_long ())
    return nth < 40 ? 1 : nth / 8;
  return nth < 8 ? 1 : 1 + (unsigned) test_random_below (random, nth / 2);
}

/* Fails the Nth call for N = 1, 2 ... until the workload ends before it comes to that; how many
   there were. */
static unsigned
fail_at_every_point (const struct workload *workload, unsigned kinds, bool persists)
{
  struct test_random random = test_random_make (kinds + persists);
  unsigned points = 0;

  for (unsigned nth = 1;; nth += step_behind (nth, &random), points++)
    {
      fault_choose (kinds, nth, persists);
      fault.unmaps = nth % 2 == 0;

      struct child child = child_run (run_with_fault, (void *) (uintptr_t) workload);

      ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) <= 1,
                     "%s, calls %x, the %uth %s: status %x: %s", workload->name, kinds, nth,
                     persists ? "and all after it" : "alone", (unsigned) child.status, child.text);
      if (WEXITSTATUS (child.status) == 0)
        return points;
    }
}

static const unsigned kinds_of[] = { MMAP, MPROTECT, MADVISE, MUNMAP, MREMAP, ALL };

/* With ThreadSanitizer a fork is slow, and all that fails does so in the other builds too: madvise
   and all calls there. */
#define KINDS_FIRST (SY_THREAD_SANITIZER ? 2 : 0)
#define KINDS_STEP (SY_THREAD_SANITIZER ? 3 : 1)

START_TEST (a_call_that_fails_once_is_survived)
{
  unsigned points = 0;

  for (unsigned at = KINDS_FIRST; at < sizeof kinds_of / sizeof *kinds_of; at += KINDS_STEP)
    points += fail_at_every_point (&workloads[_i], kinds_of[at], false);
  ck_assert_uint_ge (points, 8);
}
END_TEST

START_TEST (calls_that_fail_from_some_point_on_are_survived)
{
  unsigned points = 0;

  for (unsigned at = KINDS_FIRST; at < sizeof kinds_of / sizeof *kinds_of; at += KINDS_STEP)
    points += fail_at_every_point (&workloads[_i], kinds_of[at], true);
  ck_assert_uint_ge (points, 8);
}
END_TEST

void
failing_calls_add_points (Suite *suite)
{
  TCase *tests = test_case (suite, "points", 60);

  tcase_add_loop_test (tests, a_call_that_fails_once_is_survived, 0, workload_count);
  tcase_add_loop_test (tests, calls_that_fail_from_some_point_on_are_survived, 0, workload_count);
}
