/* SPDX-License-Identifier: MIT */
/* short.c: a range under a limit on address space is used to its last unit. */
#include <config.h>

#include "range.h"

/* In MiB. */
static const unsigned limits[] = { 64, 256, 1024 };
#define LIMITS (SY_WORD_BITS == 64 ? 3 : 1)
#define MIB ((size_t) 1 << 20)

/* How many units the range must come to, of a process that has hardly anything else. */
static uint32_t
units_expected (size_t limit)
{
  size_t wanted = SY_RANGE_MEMORIES * sy_os_memory_bytes ();

  if (HAS_PLACES && !TEST_RESERVED)
    return (uint32_t) ((limit - 24 * MIB) >> SY_UNIT_SHIFT);
  if (SY_WORD_BITS == 32 || wanted < SY_RANGE_LEAST)
    wanted = SY_RANGE_LEAST;
  while (wanted > limit / SY_RANGE_LIMIT_SHARE && wanted > SY_RANGE_RESERVED_MIN)
    wanted = wanted / 2 > SY_RANGE_RESERVED_MIN ? wanted / 2 : SY_RANGE_RESERVED_MIN;
  return (uint32_t) (wanted >> SY_UNIT_SHIFT);
}

/* Takes units until there are no more.  Each is in the range and writable to its ends. */
static uint32_t
take_all_units (void)
{
  uint32_t first, count = 0;
  bool zero;

  for (; (first = sy_units_take (1, SY_MEMORY_ANY, &zero)) != SY_UNIT_NONE; count++)
    {
      char *start = sy_range_address (first);

      require (first == count && zero && start[0] == 0, "unit %u after %u", first, count);
      require (sy_range_has (start) && sy_range_has (start + SY_UNIT_BYTES - 1),
               "unit %u is not in the range", first);
      start[0] = start[SY_UNIT_BYTES - 1] = 1;
    }
  return count;
}

static int
use_all (void *argument)
{
  size_t limit = *(const unsigned *) argument * MIB;
  struct rlimit most = { limit, limit };
  uint32_t count, expected = units_expected (limit), step;

  require (setrlimit (RLIMIT_AS, &most) == 0 && sy_range_open (), "no range");
  count = take_all_units ();
  require (count >= expected, "%u units, not %u", count, expected);
  require (sy_units_are_valid (), "not valid");
  /* Every second unit is clean, and the others wait; both serve a run of them all. */
  for (step = 0; step < 2; step++)
    {
      for (uint32_t unit = step; unit < count; unit += 2)
        give (unit);
      if (step == 0)
        (void) sy_dirty_purge ();
    }
  require (sy_range_runs.used == 0 && dirty_units () != 0, "nothing waits");
  require (take (count) == 0, "not all");
  require (units_are (0, 1, 0) && units_are (count - 1, 1, 0), "not zero");
  give (0);
  require (sy_units_are_valid (), "not valid");
  return 0;
}

START_TEST (a_limited_range_is_used_to_its_last_unit)
{
  struct child child;

  ck_assert_msg (sy_range.map == NULL, "to be run first");
  child = child_run (use_all, (void *) (uintptr_t) &limits[_i]);
  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

#define SHORTER (4 * SY_RUN_LOOKS)

/* No unit is left but those of free runs, all of which are in one list: the longest comes last. */
static int
find_behind_shorter (void *argument)
{
  const uint32_t longest = SY_RUN_EXACT + SY_RUN_EXACT / 8 - 1;
  struct rlimit none = { MIB, RLIM_INFINITY };
  uint32_t first[SHORTER + 1];
  bool zero;

  (void) argument;
  require (sy_range_open (), "no range");
  for (unsigned at = 0; at <= SHORTER; at++)
    {
      first[at] = take (at == 0 ? longest : SY_RUN_EXACT);
      (void) take (1);
    }
  require (setrlimit (RLIMIT_AS, &none) == 0, "no limit");
  while (sy_units_take (1, SY_MEMORY_NONE, &zero) != SY_UNIT_NONE)
    ;
  for (unsigned at = 0; at <= SHORTER; at++)
    {
      give (first[at]);
      (void) sy_dirty_purge ();
    }
  require (sy_units_take (longest + 1, SY_MEMORY_ANY, &zero) == SY_UNIT_NONE, "a run of more");
  require (sy_units_take (longest, SY_MEMORY_ANY, &zero) == first[0], "the run is not found");
  return 0;
}

START_TEST (a_run_is_found_behind_any_number_of_shorter_ones)
{
  struct child child = child_run (find_behind_shorter, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
range_add_short (Suite *suite)
{
  TCase *tests = test_case (suite, "short", 20);

  /* No limit holds for a sanitizer's own memory. */
  if (!TEST_SANITIZED)
    {
      tcase_add_loop_test (tests, a_limited_range_is_used_to_its_last_unit, 0, LIMITS);
      if (IN_PLACE)
        tcase_add_test (tests, a_run_is_found_behind_any_number_of_shorter_ones);
    }
}
