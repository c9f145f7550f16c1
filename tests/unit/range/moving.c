/* SPDX-License-Identifier: MIT */
/* moving.c: memory that moves to a longer run, and the mappings that this makes and leaves. */
#include <config.h>

#include "range.h"
#include "unit/mappings.h"

/* A run of a length with these bytes, and a longer one that nothing is in. */
static void
take_pair (uint32_t pair[2], uint32_t length, int byte)
{
  bool zero;

  pair[0] = take (length);
  fill (pair[0], byte);
  pair[1] = sy_units_take (4 * length, SY_MEMORY_NONE, &zero);
  test_must (pair[1] != SY_UNIT_NONE && zero, "no longer run");
}

/* A range that has been used, as far as these tests use it: only so it is one mapping. */
static void
begin_used (uint32_t units)
{
  begin ();

  uint32_t run = take (units);

  sy_range_address (run)[0] = 1;
  give (run);
  (void) sy_dirty_purge ();
}

START_TEST (moved_memory_keeps_its_contents_and_its_old_place_is_zero)
{
  uint32_t wall, pair[2];

  begin ();
  wall = take (1);
  take_pair (pair, 4, 0x5a);
  ck_assert (sy_apart_move (pair[0], pair[1]));
  ck_assert (units_are (pair[1], 4, 0x5a));
  ck_assert (units_are (pair[1] + 4, 12, 0));
  ck_assert_uint_eq (sy_range_unit (pair[1])->length, 16);
  ck_assert_uint_eq (sy_range_runs.used, 17);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (sy_units_are_valid ());
  fill (pair[1], 0x5b);
  /* The old place serves again. */
  ck_assert_uint_eq (take_as (4, true, true), pair[0]);
  ck_assert (units_are (pair[0], 4, 0));
  fill (pair[0], 0x5c);
  ck_assert (units_are (pair[1], 16, 0x5b));
  give_all ((uint32_t[]) { wall, pair[0], pair[1] }, 3);
  ck_assert (sy_units_are_valid ());
}
END_TEST

START_TEST (a_moved_run_waits_for_others_than_slabs)
{
  uint32_t pair[2], wall, slab;
  unsigned before;
  bool zero;

  begin_used (100);
  wall = take (1);
  take_pair (pair, 4, 0x5a);
  before = mappings ();
  ck_assert (sy_apart_move (pair[0], pair[1]));
  /* It does not grow in place, though it is the last one. */
  ck_assert_uint_eq (sy_range_runs.edge, pair[1] + 16);
  ck_assert_uint_eq (sy_units_extend (pair[1], 1, 0), 0);
  sy_units_cut (pair[1], 8);
  ck_assert_uint_eq (dirty_units (), 8);
  ck_assert (units_are (pair[1], 4, 0x5a));
  give (pair[1]);
  ck_assert_uint_eq (dirty_units (), 16);
  ck_assert (sy_units_are_valid ());
  slab = sy_units_take (4, SY_MEMORY_ALL, &zero);
  ck_assert (zero && slab == pair[0]);
  ck_assert_uint_eq (take_as (16, true, false), pair[1]);
  ck_assert (units_are (pair[1], 4, 0x5a));
  give_all ((uint32_t[]) { pair[1], wall, slab }, 3);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_range_runs.edge, 0);
  ck_assert_uint_le (mappings (), before + (IN_PLACE ? 0 : 2));
}
END_TEST

START_TEST (a_run_of_several_mappings_is_copied_and_not_moved)
{
  uint32_t wall, one[2], two[2], all, to;
  bool zero;

  begin_used (400);
  wall = take (200);
  take_pair (one, 4, 0x5a);
  ck_assert (sy_apart_move (one[0], one[1]));
  take_pair (two, 4, 0x5b);
  ck_assert (sy_apart_move (two[0], two[1]));
  ck_assert_uint_eq (two[1], one[1] + 16);
  give_all ((uint32_t[]) { one[1], two[1] }, 2);
  all = take_as (32, true, false);
  ck_assert_uint_eq (all, one[1]);
  ck_assert_uint_eq (sy_range_unit (all)->mapping, SY_MAPPING_MIXED);
  to = sy_units_take (40, SY_MEMORY_NONE, &zero);
  ck_assert (!sy_apart_move (all, to));
  ck_assert (units_are (all, 4, 0x5a));
  give_all ((uint32_t[]) { all, wall }, 2);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

START_TEST (memory_moves_on_and_on)
{
  uint32_t run, wall;

  begin ();
  run = take (1);
  fill (run, 0x5a);
  for (uint32_t length = 2; length <= 256; length *= 2)
    {
      uint32_t to = take (length);

      wall = take (1);
      ck_assert (sy_apart_move (run, to));
      ck_assert (units_are (to, length / 2, 0x5a));
      ck_assert (units_are (to + length / 2, length / 2, 0));
      fill (to, 0x5a);
      give (wall);
      run = to;
    }
  give (run);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

#define PAIRS 300

/* Moves a run where it may be, and returns where it is.  The system may refuse: a run may lie in
   several mappings where others were moved before. */
static uint32_t
move_or_stay (uint32_t from, uint32_t to, unsigned *moves)
{
  bool moved = sy_apart_move (from, to);

  *moves += moved;
  return moved ? to : from;
}

/* Moves runs, some of them twice, cuts some, and gives all back in an order of their own.  Returns
   how many moves there were. */
static unsigned
move_many (struct test_random *random)
{
  static uint32_t runs[2 * PAIRS];
  unsigned count = 0, moves = 0;

  for (unsigned at = 0; at < PAIRS; at++)
    {
      uint32_t pair[2];

      take_pair (pair, 1 + (uint32_t) test_random_below (random, 3), 1 + (int) at % 100);
      runs[count++] = take (1);
      pair[1] = move_or_stay (pair[0], pair[1], &moves);
      if (at % 3 == 0)
        pair[1] = move_or_stay (pair[1], take (16), &moves);
      if (at % 5 == 0 && sy_range_unit (pair[1])->length > 1)
        sy_units_cut (pair[1], 1);
      ck_assert (units_are (pair[1], 1, 1 + (int) at % 100));
      runs[count++] = pair[1];
    }
  ck_assert (sy_units_are_valid ());
  while (count != 0)
    {
      unsigned at = (unsigned) test_random_below (random, count);

      give (runs[at]);
      runs[at] = runs[--count];
    }
  (void) sy_dirty_purge ();
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_eq (sy_range_runs.edge, 0); /* no place was lost */
  return moves;
}

/* Memory that came to a place of its own may leave a seam there. */
START_TEST (many_moves_leave_few_mappings)
{
  struct test_random random = test_random_make (4);

  begin_used (32 * PAIRS);
  for (unsigned round = 0; round < 6; round++)
    {
      ck_assert_uint_gt (move_many (&random), PAIRS / 4);
      ck_assert_uint_le (lines (), PAIRS);
    }
}
END_TEST

/* In a reservation the places that were mapped anew are mappings of another kind. */
START_TEST (the_range_is_one_mapping_again_when_moved_runs_are_free)
{
  begin_used (200);
  ck_assert_uint_eq (lines (), 1);
  for (unsigned round = 0; round < 40; round++)
    {
      uint32_t pairs[3][2], walls[3];

      for (unsigned at = 0; at < 3; at++)
        {
          pairs[at][0] = take (2);
          fill (pairs[at][0], 0x5a);
        }
      for (unsigned at = 0; at < 3; at++)
        {
          pairs[at][1] = take (8);
          walls[at] = take (1);
          ck_assert (sy_apart_move (pairs[at][0], pairs[at][1]));
        }
      ck_assert_uint_gt (lines (), 1);
      for (unsigned at = 0; at < 3; at++)
        {
          unsigned one = (at + round) % 3;

          ck_assert (units_are (pairs[one][1], 2, 0x5a));
          give_all ((uint32_t[]) { pairs[one][1], walls[one] }, 2);
        }
      (void) sy_dirty_purge ();
      ck_assert_uint_eq (lines (), 1);
    }
}
END_TEST

START_TEST (no_more_runs_are_moved_than_the_system_has_mappings_for)
{
  enum { MOST = SY_MAPPINGS_MAX + SY_MAPPINGS_LOOK };
  static uint32_t runs[MOST], pair[2];
  unsigned before, count = 0, tries = 0;

  begin_used (3 * MOST);
  before = mappings ();
  do
    {
      take_pair (pair, 1, (char) count);
      test_must (count < MOST, "none was refused");
      runs[count] = pair[1];
    }
  while (sy_apart_move (pair[0], pair[1]) && ++count);
  ck_assert_uint_ge (count, SY_MAPPINGS_MAX / 3);
  ck_assert_uint_le (mappings (), before + 2 * MOST);
  ck_assert (units_are (pair[0], 1, (char) count));
  ck_assert_uint_eq (sy_range_runs.used, 4 * count + 1); /* the longer run was given back */
  ck_assert (sy_units_are_valid ());
  for (unsigned at = 0; at < count; at++)
    test_must (*sy_range_address (runs[at]) == (char) at, "run %u", at);
  give_all (runs, count);
  (void) sy_dirty_purge ();
  ck_assert_uint_le (mappings (), before + (IN_PLACE ? 8 : MOST));
  /* When they are few again, runs move again. */
  do
    {
      give (pair[0]);
      take_pair (pair, 1, 0x5a);
    }
  while (!sy_apart_move (pair[0], pair[1]) && tries++ < SY_MAPPINGS_LOOK);
  ck_assert_uint_le (tries, SY_MAPPINGS_LOOK);
  give (pair[1]);
}
END_TEST

/* Takes all mappings that the system grants, and tries to move.  0: contents stayed, and no more
   than one place was lost. */
static int
move_without_mappings (void *argument)
{
  unsigned most = mappings_granted ();
  uint32_t pair[2], lost = 0;

  (void) argument;
  if (most == 0)
    return 0;
  begin_used (1000);
  require (mappings_take_all (most), "mappings did not end");
  for (unsigned round = 0; round < 50; round++)
    {
      take_pair (pair, 4, 0x5a);

      uint32_t wall = take (1);

      if (sy_apart_move (pair[0], pair[1]))
        pair[0] = pair[1];
      require (units_are (pair[0], 4, 0x5a), "contents are lost");
      require (sy_units_are_valid (), "round %u", round);
      give_all ((uint32_t[]) { pair[0], wall }, 2);
    }
  (void) sy_dirty_purge ();
  for (uint32_t unit = 0; unit < sy_range_runs.edge; unit += sy_range_unit (unit)->length)
    if (sy_range_unit (unit)->state == SY_RUN_DETACHED)
      lost += sy_range_unit (unit)->length;
  require (lost <= 16, "%u units are lost", lost);
  require (sy_range_runs.used == 0, "%u units are used", sy_range_runs.used);
  return 0;
}

START_TEST (where_mappings_are_used_up_nothing_is_lost_but_a_place)
{
  struct child child;

  begin ();
  child = child_run (move_without_mappings, NULL);
  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
range_add_moving (Suite *suite)
{
  TCase *tests = test_case (suite, "moving", 20);

  tcase_add_test (tests, moved_memory_keeps_its_contents_and_its_old_place_is_zero);
  tcase_add_test (tests, a_moved_run_waits_for_others_than_slabs);
  tcase_add_test (tests, a_run_of_several_mappings_is_copied_and_not_moved);
  tcase_add_test (tests, memory_moves_on_and_on);
  if (!TEST_SANITIZED && SY_WORD_BITS == 64)
    {
      if (IN_PLACE)
        tcase_add_test (tests, the_range_is_one_mapping_again_when_moved_runs_are_free);
      tcase_add_test (tests, many_moves_leave_few_mappings);
      tcase_add_test (tests, no_more_runs_are_moved_than_the_system_has_mappings_for);
      tcase_add_test (tests, where_mappings_are_used_up_nothing_is_lost_but_a_place);
    }
}
