/* SPDX-License-Identifier: MIT */
/* huge.c: huge pages that are asked for, for a run or for all new memory. */
#include <config.h>

#include <stdio.h>

#include "base/os.h"
#include "range.h"

#define MOST (6 * SY_HUGE_UNITS)

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

START_TEST (new_memory_has_huge_pages_only_where_all_shall)
{
  if (!has_huge_pages ())
    return;
  begin ();
  take_more (runs, MOST, SY_UNIT_BYTES);
  ck_assert_uint_eq (flagged (" hg"), 0);
  give_all (runs, MOST);
  (void) sy_dirty_purge ();
  sy_huge_set (SY_HUGE_ALWAYS);
  take_more (runs, MOST, 1);
  ck_assert_uint_ge (flagged (" hg"), MOST / SY_HUGE_UNITS);
  ck_assert_uint_le (flagged (" hg"), MOST / SY_HUGE_UNITS + 1);
  give_all (runs, MOST);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

START_TEST (none_is_asked_for_where_none_shall_be)
{
  uint32_t run;

  begin ();
  run = take (2 * SY_HUGE_UNITS);
  sy_huge_set (SY_HUGE_NEVER);
  ck_assert (!sy_apart_ask_huge (run));
  sy_huge_set (SY_HUGE_AUTO);
  ck_assert (sy_apart_ask_huge (run) || !has_huge_pages ());
  give (run);
}
END_TEST

/* The run's ends are other mappings then, unless it begins and ends with a huge page. */
START_TEST (a_run_that_asks_is_in_one_mapping_if_it_has_whole_huge_pages)
{
  uint32_t wall, run;
  bool zero;

  if (!has_huge_pages ())
    return;
  begin ();
  wall = take (1);
  run = sy_units_take_aligned (2 * SY_HUGE_UNITS, SY_HUGE_PAGE_BYTES, SY_MEMORY_NONE, &zero);
  ck_assert (sy_apart_ask_huge (run));
  ck_assert_uint_gt (sy_range_unit (run)->mapping, SY_MAPPING_MIXED);
  ck_assert_uint_eq (flagged (" hg"), 2);
  give (run);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (flagged (" hg"), 0);
  run = sy_units_take_aligned (2 * SY_HUGE_UNITS + 1, SY_HUGE_PAGE_BYTES, SY_MEMORY_NONE, &zero);
  ck_assert (sy_apart_ask_huge (run));
  ck_assert_uint_eq (sy_range_unit (run)->mapping, SY_MAPPING_MIXED);
  ck_assert_uint_eq (flagged (" hg"), 2);
  give_all ((uint32_t[]) { run, wall }, 2);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (flagged (" hg"), 0);
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

void
range_add_huge (Suite *suite)
{
  TCase *tests = test_case (suite, "huge", 20);

  tcase_add_test (tests, new_memory_has_huge_pages_only_where_all_shall);
  tcase_add_test (tests, none_is_asked_for_where_none_shall_be);
  tcase_add_test (tests, a_run_that_asks_is_in_one_mapping_if_it_has_whole_huge_pages);
}
