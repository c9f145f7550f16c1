/* SPDX-License-Identifier: MIT */
/* threads.c: threads that take, change and give runs, and give memory back, at the same time. */
#include <config.h>

#include "range.h"
#include "threads.h"

#define THREADS 4
#define HELD 24u

/* A run's first and last unit have their owner's number. */
static void
stamp (uint32_t first, uintptr_t owner)
{
  memcpy (sy_range_address (first), &owner, sizeof owner);
  memcpy (run_end (first) - sizeof owner, &owner, sizeof owner);
}

static void
must_be_stamped (uint32_t first, uintptr_t owner)
{
  test_must (memcmp (sy_range_address (first), &owner, sizeof owner) == 0,
             "unit %u in two hands, or cleaned in use", first);
  test_must (memcmp (run_end (first) - sizeof owner, &owner, sizeof owner) == 0,
             "the end of run %u in two hands, or cleaned in use", first);
}

static uint32_t
take_some (struct test_random *random, uintptr_t owner)
{
  uint32_t length = 1 + (uint32_t) test_random_below (random, 9), first;
  bool zero, aligned = test_random_below (random, 4) == 0;
  size_t alignment = SY_UNIT_BYTES << test_random_below (random, 4);

  first = aligned ? sy_units_take_aligned (length, alignment, SY_MEMORY_ANY, &zero)
                  : sy_units_take (length,
                                   test_random_below (random, 3) ? SY_MEMORY_ANY : SY_MEMORY_NONE,
                                   &zero);
  test_must (first != SY_UNIT_NONE, "out of units");
  test_must (!aligned || ((uintptr_t) sy_range_address (first) & (alignment - 1)) == 0,
             "alignment");
  test_must (sy_range_unit (first)->length == length, "length");
  test_must (!zero || (sy_range_address (first)[0] == 0 && run_end (first)[-1] == 0), "not zero");
  stamp (first, owner);
  return first;
}

/* Cuts the run, lets it grow, or moves it.  Returns its first unit. */
static uint32_t
change (struct test_random *random, uint32_t first, uintptr_t owner)
{
  uint32_t length = sy_range_unit (first)->length, to;
  bool zero;

  switch (test_random_below (random, 3))
    {
    case 0:
      if (length > 1)
        sy_units_cut (first, 1 + (uint32_t) test_random_below (random, length - 1));
      break;
    case 1:
      (void) sy_units_extend (first, 1 + (uint32_t) test_random_below (random, 4), 2);
      break;
    default:
      to = sy_units_take (length + 3, SY_MEMORY_NONE, &zero);
      test_must (to != SY_UNIT_NONE, "out of units");
      first = sy_apart_move (first, to) ? to : first;
    }
  test_must (memcmp (sy_range_address (first), &owner, sizeof owner) == 0, "contents");
  stamp (first, owner);
  return first;
}

static void *
take_and_give (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  uintptr_t owner = (uintptr_t) argument;
  uint32_t held[HELD];
  unsigned count = 0;

  for (unsigned step = 0; step < (TEST_SANITIZED ? 2000 : 12000); step++)
    {
      unsigned at = count == 0 ? 0 : (unsigned) test_random_below (&random, count);

      if (count == 0 || (count < HELD && test_random_below (&random, 2)))
        held[count++] = take_some (&random, owner);
      else if (test_random_below (&random, 4) == 0)
        held[at] = change (&random, held[at], owner);
      else
        {
          must_be_stamped (held[at], owner);
          give (held[at]);
          held[at] = held[--count];
        }
      if (step % 64 == 0)
        sy_dirty_purge_step (sy_os_now_ns ());
      if (step % 1000 == 0)
        (void) sy_dirty_purge ();
      if (step % 500 == 0)
        test_must (sy_units_are_valid (), "the book is not valid");
    }
  give_all (held, count);
  return NULL;
}

START_TEST (threads_never_share_a_unit_and_lose_none)
{
  begin ();
  in_threads (THREADS, take_and_give, 1);
  (void) sy_dirty_purge ();
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_eq (sy_range_runs.used, 0);
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

/* The map's entries of a thread's units are its own, while others take and give theirs. */
static void *
mark_and_ask (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  unsigned tag = (unsigned) (uintptr_t) argument << SY_TAG_SHIFT;

  for (unsigned step = 0; step < (TEST_SANITIZED ? 2000 : 20000); step++)
    {
      uint32_t length = 1 + (uint32_t) test_random_below (&random, 4), first = take (length);

      sy_range_mark (first, length, tag ^ (1 + step % 40));
      for (uint32_t unit = first; unit < first + length; unit++)
        test_must (sy_range_kind (tag, sy_range_address (unit) + 7) == 1 + step % 40, "unit %u",
                   unit);
      sy_range_mark (first, length, 0);
      give (first);
    }
  return NULL;
}

START_TEST (threads_mark_units_of_their_own)
{
  begin ();
  in_threads (THREADS, mark_and_ask, 1);
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_eq (sy_range_runs.used, 0);
}
END_TEST

void
range_add_threads (Suite *suite)
{
  TCase *tests = test_case (suite, "threads", 60);

  tcase_add_test (tests, threads_never_share_a_unit_and_lose_none);
  tcase_add_test (tests, threads_mark_units_of_their_own);
}
