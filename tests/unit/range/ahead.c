/* SPDX-License-Identifier: MIT */
/* ahead.c: huge pages that are asked for behind the edge, as runs reach them. */
#include <config.h>

#include <stdio.h>

#include "base/os.h"
#include "range.h"

#define MOST (SY_AHEAD_UNITS + 24 * SY_HUGE_UNITS)

static uint32_t runs[MOST];

/* How many huge pages long the range's mappings are that have this flag ("hg", "nh"). */
static unsigned
flagged (const char *flag)
{
  FILE *file = fopen ("/proc/self/smaps", "r");
  uintptr_t low, high;
  size_t bytes = 0, of_this = 0;
  char line[512];

  ck_assert_ptr_nonnull (file);
  while (fgets (line, sizeof line, file) != NULL)
    if (sscanf (line, "%" SCNxPTR "-%" SCNxPTR " ", &low, &high) == 2)
      of_this = low >= sy_range.base && high <= sy_range.base + extent () ? high - low : 0;
    else if (strncmp (line, "VmFlags:", 8) == 0 && strstr (line, flag) != NULL)
      bytes += of_this;
  fclose (file);
  ck_assert_uint_eq (bytes % SY_HUGE_PAGE_BYTES, 0);
  return (unsigned) (bytes / SY_HUGE_PAGE_BYTES);
}

/* Does the system have huge pages on request?  If not, says so. */
static bool
has_huge_pages (void)
{
  void *page = sy_os_map (SY_HUGE_PAGE_BYTES);
  bool has = page != NULL && sy_os_ask_huge (page, SY_HUGE_PAGE_BYTES);

  if (!has)
    printf ("# not tried: the system has no huge pages on request\n");
  return has;
}

/* Takes `count` more runs of a unit, and writes to so many bytes of each. */
static void
take_more (uint32_t *run, unsigned count, size_t bytes)
{
  for (unsigned at = 0; at < count; at++)
    {
      run[at] = take (1);
      memset (sy_range_address (run[at]), 0x5a, bytes);
    }
}

START_TEST (memory_that_is_used_has_huge_pages_ahead_but_for_one_in_eight)
{
  if (!has_huge_pages ())
    return;
  begin ();
  take_more (runs, SY_AHEAD_UNITS - 1, SY_UNIT_BYTES);
  ck_assert_uint_eq (flagged (" hg"), 0);
  take_more (runs + SY_AHEAD_UNITS - 1, 1 + 2 * SY_AHEAD_PROBES * SY_HUGE_UNITS, SY_UNIT_BYTES);
  ck_assert_uint_ge (flagged (" hg"), 2 * SY_AHEAD_PROBES - 3);
  ck_assert_uint_le (flagged (" hg"), 2 * SY_AHEAD_PROBES - 1);
  give_all (runs, SY_AHEAD_UNITS + 2 * SY_AHEAD_PROBES * SY_HUGE_UNITS);
}
END_TEST

START_TEST (memory_that_is_used_in_part_has_none)
{
  begin ();
  take_more (runs, MOST, SY_UNIT_BYTES / 4 * 3);
  ck_assert_uint_eq (flagged (" hg"), 0);
  give_all (runs, MOST);
}
END_TEST

START_TEST (what_is_used_in_part_from_now_on_has_no_more)
{
  const unsigned dense = SY_AHEAD_UNITS + 4 * SY_HUGE_UNITS;
  unsigned before, after;

  if (!has_huge_pages ())
    return;
  begin ();
  take_more (runs, dense, SY_UNIT_BYTES);
  before = flagged (" hg");
  ck_assert_uint_ge (before, 2);
  take_more (runs + dense, MOST - dense, 1);
  after = flagged (" hg");
  /* Until one that was not asked for has been looked at. */
  ck_assert_uint_le (after, before + SY_AHEAD_PROBES + 2);
  ck_assert_uint_lt (after, (MOST - SY_AHEAD_UNITS) / SY_HUGE_UNITS / 2);
  give_all (runs, MOST);
}
END_TEST

START_TEST (runs_that_are_longer_themselves_reach_none)
{
  begin ();
  for (unsigned at = 0; at < MOST / SY_HUGE_UNITS; at++)
    {
      runs[at] = take (SY_HUGE_UNITS);
      fill (runs[at], 0x5a);
    }
  ck_assert_uint_eq (flagged (" hg"), 0);
  give_all (runs, MOST / SY_HUGE_UNITS);
}
END_TEST

START_TEST (a_huge_page_that_was_given_back_in_part_does_not_come_again)
{
  char *last;

  if (!has_huge_pages ())
    return;
  begin ();
  take_more (runs, MOST, SY_UNIT_BYTES);
  ck_assert_uint_eq (flagged (" nh"), 0);
  last = sy_range_address (runs[MOST - 2 * SY_HUGE_UNITS]);
  ck_assert (sy_units_discard (last, SY_UNIT_BYTES));
  ck_assert_int_eq (last[0], 0);
  ck_assert_int_eq (last[SY_UNIT_BYTES], 0x5a);
  ck_assert_uint_eq (flagged (" nh"), 1);
  /* Below the first one that was asked for, nothing is refused. */
  ck_assert (sy_units_discard (sy_range_address (runs[0]), SY_UNIT_BYTES));
  ck_assert_uint_eq (flagged (" nh"), 1);
  give_all (runs, MOST);
}
END_TEST

START_TEST (they_are_asked_for_never_or_always_where_that_is_said)
{
  if (!has_huge_pages ())
    return;
  begin ();
  sy_units_set_huge (SY_HUGE_NEVER);
  take_more (runs, MOST, SY_UNIT_BYTES);
  ck_assert_uint_eq (flagged (" hg"), 0);
  ck_assert (!sy_units_ask_huge (runs[0]));
  give_all (runs, MOST);
  (void) sy_units_purge ();
  sy_units_set_huge (SY_HUGE_ALWAYS);
  take_more (runs, 4 * SY_HUGE_UNITS, 1);
  ck_assert_uint_ge (flagged (" hg"), 4);
  ck_assert (sy_units_discard (sy_range_address (runs[2 * SY_HUGE_UNITS]), SY_UNIT_BYTES));
  ck_assert_uint_eq (flagged (" nh"), 0);
  give_all (runs, 4 * SY_HUGE_UNITS);
}
END_TEST

void
range_add_ahead (Suite *suite)
{
  TCase *tests = test_case (suite, "ahead", 20);

  tcase_add_test (tests, memory_that_is_used_has_huge_pages_ahead_but_for_one_in_eight);
  tcase_add_test (tests, memory_that_is_used_in_part_has_none);
  tcase_add_test (tests, what_is_used_in_part_from_now_on_has_no_more);
  tcase_add_test (tests, runs_that_are_longer_themselves_reach_none);
  tcase_add_test (tests, a_huge_page_that_was_given_back_in_part_does_not_come_again);
  tcase_add_test (tests, they_are_asked_for_never_or_always_where_that_is_said);
}
