/* SPDX-License-Identifier: MIT */
/* ahead.c: huge pages that slabs and short blocks lie in: when they are asked for, and how they go
   back. */
#include <config.h>

#ifdef __linux__
# include <sys/prctl.h>
#endif

#include "base/purge_timer.h"
#include "range.h"
#include "unit/huge_pages.h"

/* Runs of this length, three quarters of a huge page apart at least once in each. */
#define LENGTH 4u
#define MOST (8 * SY_AHEAD_UNITS / LENGTH)

static uint32_t run[MOST];
static unsigned count;

/* How many huge pages there are where runs have been taken. */
static unsigned
huge_pages (void)
{
  unsigned pages = 0;

  for (uint32_t unit = 0; unit < sy_range_runs.edge; unit++)
    pages += sy_range_unit (unit)->huge == SY_PAGE_WHOLE;
  return pages;
}

/* Takes runs until so many units are in use, and writes to the first bytes of each unit. */
static void
take_up_to (uint32_t units, size_t bytes)
{
  for (; sy_range_runs.used + LENGTH <= units; count++)
    {
      ck_assert_uint_lt (count, MOST);
      run[count] = take (LENGTH);
      for (unsigned unit = 0; unit < LENGTH; unit++)
        memset (sy_range_address (run[count] + unit), 0x5a, bytes);
    }
}

static void
empty (void)
{
  give_all (run, count);
  count = 0;
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_range_runs.edge, 0);
  ck_assert_uint_eq (huge_pages (), 0);
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
}

/* Is all of the huge page in memory? */
static bool
is_whole (uint32_t page)
{
  size_t there = 0;

  for (uint32_t unit = page; unit < page + SY_HUGE_UNITS; unit++)
    there += sy_os_resident_bytes (sy_range_address (unit), SY_UNIT_BYTES);
  return there == SY_HUGE_PAGE_BYTES;
}

/* Is a part of it mapped anew, so that the system makes no huge page of it? */
static bool
is_broken (uint32_t page)
{
  for (uint32_t unit = page; unit < page + SY_HUGE_UNITS; unit++)
    if (!mapped_at (sy_range_address (unit)).is_huge)
      return true;
  return false;
}

/* The first huge page at or behind the unit. */
static uint32_t
next_page (uint32_t unit)
{
  while (unit < sy_range_runs.edge && sy_range_unit (unit)->huge != SY_PAGE_WHOLE)
    unit++;
  ck_assert_uint_lt (unit, sy_range_runs.edge);
  return unit;
}

/* The run that the unit lies in. */
static uint32_t
run_of (uint32_t unit)
{
  unsigned at = 0;

  while (at < count && (run[at] > unit || run[at] + LENGTH <= unit))
    at++;
  ck_assert_uint_lt (at, count);
  return run[at];
}

/* Where the next 2 MiB begin. */
static uint32_t
next_place (uint32_t unit)
{
  while ((uintptr_t) sy_range_address (unit) % SY_HUGE_PAGE_BYTES != 0)
    unit++;
  return unit;
}

/* Fills the first huge page, and two more. */
static uint32_t
fill_pages (void)
{
  uint32_t page;

  begin ();
  sy_huge_set (SY_HUGE_ALWAYS);
  take_up_to (4 * SY_HUGE_UNITS, SY_UNIT_BYTES);
  page = next_page (0);
  ck_assert (is_whole (page));
  ck_assert_uint_ge (huge_pages (), 2);
  return page;
}

/* Frees those runs that lie in the units, all of a run. */
static void
free_between (uint32_t low, uint32_t high)
{
  unsigned kept = 0;

  for (unsigned at = 0; at < count; at++)
    if (run[at] >= low && run[at] + LENGTH <= high)
      give (run[at]);
    else
      run[kept++] = run[at];
  count = kept;
}

/* A tick passes, in which nobody takes anything. */
static void
tick (void)
{
  static uint64_t now_ns;
  uint32_t before = sy_range_runs.tick;

  if (now_ns == 0)
    now_ns = sy_os_now_ns ();
  now_ns += 2 * SY_REAP_NS;
  for (unsigned steps = 0; sy_range_runs.tick == before; steps++, now_ns += (uint64_t) 1 << 20)
    {
      ck_assert_uint_lt (steps, 10000);
      sy_dirty_purge_step (now_ns);
    }
}

START_TEST (a_program_that_uses_what_it_takes_gets_huge_pages)
{
  unsigned pages;

  if (!system_has_huge ())
    return;
  begin ();
  take_up_to (SY_AHEAD_UNITS - LENGTH, SY_UNIT_BYTES);
  ck_assert_uint_eq (huge_pages (), 0);
  take_up_to (4 * SY_AHEAD_UNITS, SY_UNIT_BYTES);
  pages = 3 * SY_AHEAD_UNITS / SY_HUGE_UNITS;
  /* But for those that have small pages so that there is more to look at. */
  ck_assert_uint_ge (huge_pages (), pages - pages / SY_HUGE_PROBES - 2);
  ck_assert_uint_lt (huge_pages (), pages);
  ck_assert (is_whole (next_page (0)));
  empty ();
}
END_TEST

START_TEST (a_program_that_uses_a_part_of_what_it_takes_gets_none)
{
  if (!system_has_huge ())
    return;
  begin ();
  take_up_to (4 * SY_AHEAD_UNITS, SY_UNIT_BYTES / 4 * 3);
  ck_assert_uint_eq (huge_pages (), 0);
  empty ();
}
END_TEST

/* What it showed at first does not count for ever. */
START_TEST (a_program_that_ceases_to_use_what_it_takes_gets_no_more)
{
  unsigned pages;

  if (!system_has_huge ())
    return;
  begin ();
  take_up_to (2 * SY_AHEAD_UNITS, SY_UNIT_BYTES);
  ck_assert_uint_ne (huge_pages (), 0);
  take_up_to (2 * SY_AHEAD_UNITS + (SY_HUGE_PROBES + 3) * SY_HUGE_UNITS, 1);
  pages = huge_pages ();
  take_up_to (6 * SY_AHEAD_UNITS, 1);
  ck_assert_uint_eq (huge_pages (), pages);
  empty ();
}
END_TEST

/* It has memory, so it is dirty, and the next runs are taken from there. */
START_TEST (the_rest_of_a_huge_page_waits_and_is_taken_first)
{
  uint32_t page, rest;

  if (!system_has_huge ())
    return;
  begin ();
  sy_huge_set (SY_HUGE_ALWAYS);
  do
    take_up_to (sy_range_runs.used + LENGTH, 1);
  while (huge_pages () == 0);
  page = next_page (0);
  rest = page + SY_HUGE_UNITS - run[count - 1] - LENGTH;
  ck_assert_uint_ne (rest, 0);
  ck_assert_uint_eq (dirty_units (), rest);
  ck_assert (is_whole (page));
  for (; rest >= LENGTH; rest -= LENGTH)
    {
      take_up_to (sy_range_runs.used + LENGTH, 1);
      ck_assert_uint_eq (run[count - 1] + LENGTH, page + SY_HUGE_UNITS - rest + LENGTH);
      ck_assert_uint_eq (dirty_units (), rest - LENGTH);
    }
  ck_assert_uint_eq (huge_pages (), 1);
  empty ();
}
END_TEST

START_TEST (a_huge_page_that_is_free_as_a_whole_goes_back_as_others_do)
{
  uint32_t page;

  if (!system_has_huge ())
    return;
  page = fill_pages ();
  free_between (page - LENGTH, page + SY_HUGE_UNITS + LENGTH);
  tick ();
  tick ();
  ck_assert_uint_eq (sy_range_unit (page)->huge, SY_PAGE_NONE);
  ck_assert (units_are (page, SY_HUGE_UNITS, 0));
  ck_assert (!mapped_at (sy_range_address (page)).is_huge);
  empty ();
}
END_TEST

/* Then what is left has small pages, and the system makes no huge one of it. */
START_TEST (a_part_of_a_huge_page_goes_back_only_when_it_waited_for_long)
{
  uint32_t page, half = SY_HUGE_UNITS / 2;

  if (!system_has_huge ())
    return;
  page = fill_pages ();
  free_between (page, page + half);
  ck_assert_uint_ge (dirty_units (), half - LENGTH);
  for (unsigned ticks = 0; ticks < SY_AHEAD_TICKS; ticks++)
    tick ();
  ck_assert (is_whole (page));
  ck_assert_uint_ge (dirty_units (), half - LENGTH);
  tick ();
  tick ();
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert_uint_eq (sy_range_unit (page)->huge, SY_PAGE_BROKEN);
  ck_assert (is_broken (page));
  ck_assert (sy_units_are_valid ());
  empty ();
}
END_TEST

/* What waits beside it and may go does so, at each tick. */
START_TEST (parts_that_wait_do_not_keep_what_is_younger)
{
  uint32_t page, more;
  bool zero;

  if (!system_has_huge ())
    return;
  page = fill_pages ();
  take_up_to (16 * SY_HUGE_UNITS, 1);
  sy_huge_set (SY_HUGE_NEVER);
  more = sy_units_take (LENGTH, SY_MEMORY_NONE, &zero);
  memset (sy_range_address (more), 1, sy_range_run_bytes (more));
  run[count++] = sy_units_take (LENGTH, SY_MEMORY_NONE, &zero);
  free_between (page, page + SY_HUGE_UNITS / 2);
  tick ();
  give (more);
  ck_assert (units_are (more, LENGTH, 1));
  tick ();
  tick ();
  ck_assert (is_whole (page));
  ck_assert (units_are (more, LENGTH, 0));
  empty ();
}
END_TEST

/* A run that begins and ends within huge pages: of these the whole ones go, and the ends wait. */
START_TEST (of_a_long_run_the_whole_huge_pages_go_and_the_ends_wait)
{
  uint32_t page, low, high;

  if (!system_has_huge ())
    return;
  begin ();
  sy_huge_set (SY_HUGE_ALWAYS);
  take_up_to (6 * SY_HUGE_UNITS, 1);
  page = next_page (0);
  low = page + SY_HUGE_UNITS / 2;
  high = page + 3 * SY_HUGE_UNITS + SY_HUGE_UNITS / 2;
  free_between (low, high);
  tick ();
  tick ();
  ck_assert (is_whole (page));
  ck_assert (is_whole (page + 3 * SY_HUGE_UNITS));
  ck_assert (units_are (page + SY_HUGE_UNITS, 2 * SY_HUGE_UNITS, 0));
  ck_assert_uint_eq (sy_range_unit (page)->huge, SY_PAGE_WHOLE);
  ck_assert_uint_eq (sy_range_unit (page + 3 * SY_HUGE_UNITS)->huge, SY_PAGE_WHOLE);
  ck_assert_uint_eq (sy_range_unit (page + SY_HUGE_UNITS)->huge, SY_PAGE_NONE);
  ck_assert (sy_units_are_valid ());
  empty ();
}
END_TEST

/* Pages within a slab go back, so that the rest must not become a huge page again. */
START_TEST (a_huge_page_of_which_pages_go_back_is_broken)
{
  uint32_t page;

  if (!system_has_huge ())
    return;
  page = fill_pages ();
  ck_assert (sy_units_are_in_huge (run_of (page + LENGTH)));
  sy_units_break_huge (page + 1, page + 1);
  ck_assert (is_broken (page));
  ck_assert (!sy_units_are_in_huge (run_of (page + LENGTH)));
  ck_assert_uint_eq (sy_range_unit (page)->huge, SY_PAGE_BROKEN);
  empty ();
}
END_TEST

/* Its parts go back one after the other, and are one mapping with the range again. */
START_TEST (what_was_broken_is_one_mapping_again_when_all_is_free)
{
  unsigned before, pages;

  if (!system_has_huge ())
    return;
  begin ();
  sy_huge_set (SY_HUGE_NEVER);
  take_up_to (20 * SY_HUGE_UNITS, 1);
  empty ();
  before = lines ();
  sy_huge_set (SY_HUGE_ALWAYS);
  take_up_to (20 * SY_HUGE_UNITS, 1);
  pages = huge_pages ();
  for (unsigned third = 0; third < 3; third++)
    {
      unsigned kept = 0;

      for (unsigned at = 0; at < count; at++)
        if (run[at] / LENGTH % 3 == third)
          give (run[at]);
        else
          run[kept++] = run[at];
      count = kept;
      (void) sy_dirty_purge ();
      ck_assert (third == 2 || lines () > before + pages / 2);
    }
  /* In a reservation what is mapped anew differs from the rest. */
  ck_assert_uint_le (lines (), IN_PLACE ? before : before + 2);
  empty ();
}
END_TEST

/* It is not known which of its parts had memory. */
START_TEST (a_part_of_a_run_that_had_memory_is_not_all_new)
{
  uint32_t first;
  bool zero;

  begin ();
  first = sy_units_take (3 * LENGTH, SY_MEMORY_NONE, &zero);
  sy_units_cut (first, 2 * LENGTH);
  ck_assert_uint_eq (sy_range_unit (first)->fresh, 2 * LENGTH);
  ck_assert_uint_eq (sy_units_extend (first, LENGTH, 0), LENGTH);
  sy_units_cut (first, 2 * LENGTH);
  ck_assert_uint_lt (sy_range_unit (first)->fresh, 2 * LENGTH);
  give (first);
  (void) sy_dirty_purge ();
}
END_TEST

/* A run as long as never waits. */
START_TEST (a_long_run_that_goes_back_at_once_leaves_no_huge_page)
{
  uint32_t first;

  if (!system_has_huge ())
    return;
  begin ();
  sy_huge_set (SY_HUGE_ALWAYS);
  take_up_to (SY_DIRTY_WANTED + 4 * SY_HUGE_UNITS, 1);
  /* One run takes the place of all behind it. */
  first = run[0];
  for (unsigned at = 1; at < count; at++)
    {
      give (run[at]);
      ck_assert_uint_eq (sy_units_extend (first, LENGTH, 0), LENGTH);
    }
  count = 0;
  ck_assert_uint_ge (sy_range_unit (first)->length, SY_DIRTY_WANTED);
  ck_assert (sy_units_are_in_huge (first));
  give (first);
  ck_assert_uint_eq (huge_pages (), 0);
  ck_assert (sy_units_are_valid ());
  empty ();
}
END_TEST

/* Where too much waits, parts go too, at the call. */
START_TEST (of_parts_no_more_waits_than_four_times_what_may)
{
  uint32_t pages, kept = 0;

  if (!system_has_huge ())
    return;
  begin ();
  sy_huge_set (SY_HUGE_ALWAYS);
  take_up_to (4 * SY_AHEAD_UNITS, 1);
  pages = huge_pages ();
  ck_assert_uint_ge (pages, 4 * SY_AHEAD_UNITS / SY_HUGE_UNITS - 1);
  /* One run stays in each huge page. */
  for (unsigned at = 0; at < count; at++)
    if (at % (SY_HUGE_UNITS / LENGTH) != 0)
      give (run[at]);
    else
      run[kept++] = run[at];
  count = kept;
  ck_assert_uint_le (dirty_units (), 4 * sy_range_runs.used / SY_DIRTY_SHARE + SY_HUGE_UNITS);
  ck_assert_uint_ge (dirty_units (), 2 * sy_range_runs.used / SY_DIRTY_SHARE);
  ck_assert_uint_lt (huge_pages (), pages);
  ck_assert (sy_units_are_valid ());
  empty ();
}
END_TEST

#ifdef PR_SET_THP_DISABLE
/* What the system did not give has no memory, and so does not wait. */
START_TEST (where_the_system_has_no_huge_page_the_rest_is_clean)
{
  bool zero;

  if (!system_has_huge () || prctl (PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
    return;
  begin ();
  take_up_to (4 * SY_AHEAD_UNITS, SY_UNIT_BYTES);
  ck_assert_uint_eq (huge_pages (), 0);
  ck_assert_uint_eq (dirty_units (), 0);
  for (uint32_t unit = 0; unit < sy_range_runs.edge; unit += SY_HUGE_UNITS / 2)
    ck_assert (!mapped_at (sy_range_address (unit)).is_huge);
  sy_huge_set (SY_HUGE_ALWAYS);
  do
    take_up_to (sy_range_runs.used + LENGTH, 1);
  while (next_place (run[count - 1]) >= run[count - 1] + LENGTH);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (!mapped_at (sy_range_address (run[count - 1])).is_huge);
  run[count] = sy_units_take (LENGTH, SY_MEMORY_ANY, &zero);
  ck_assert (zero);
  ck_assert (units_are (run[count++], LENGTH, 0));
  ck_assert_int_eq (prctl (PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
  empty ();
}
END_TEST
#endif

void
range_add_ahead (Suite *suite)
{
  TCase *tests = test_case (suite, "ahead", 30);

  tcase_add_test (tests, a_program_that_uses_what_it_takes_gets_huge_pages);
  tcase_add_test (tests, a_program_that_uses_a_part_of_what_it_takes_gets_none);
  tcase_add_test (tests, a_program_that_ceases_to_use_what_it_takes_gets_no_more);
  tcase_add_test (tests, the_rest_of_a_huge_page_waits_and_is_taken_first);
  tcase_add_test (tests, a_huge_page_that_is_free_as_a_whole_goes_back_as_others_do);
  tcase_add_test (tests, a_part_of_a_huge_page_goes_back_only_when_it_waited_for_long);
  tcase_add_test (tests, parts_that_wait_do_not_keep_what_is_younger);
  tcase_add_test (tests, of_a_long_run_the_whole_huge_pages_go_and_the_ends_wait);
  tcase_add_test (tests, a_huge_page_of_which_pages_go_back_is_broken);
  tcase_add_test (tests, what_was_broken_is_one_mapping_again_when_all_is_free);
  tcase_add_test (tests, a_part_of_a_run_that_had_memory_is_not_all_new);
  tcase_add_test (tests, a_long_run_that_goes_back_at_once_leaves_no_huge_page);
  tcase_add_test (tests, of_parts_no_more_waits_than_four_times_what_may);
#ifdef PR_SET_THP_DISABLE
  tcase_add_test (tests, where_the_system_has_no_huge_page_the_rest_is_clean);
#endif
}
