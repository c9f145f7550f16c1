/* SPDX-License-Identifier: MIT */
/* moves.c: blocks that grow away from their place, and what that costs in memory and mappings. */
#include <config.h>

#include "unit/child.h"
#include "unit/mappings.h"
#include "large.h"

static void
reset_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "w");

  ck_assert_ptr_nonnull (file);
  fputs ("5", file);
  fclose (file);
}

/* Two blocks that grow in turn: each finds the other behind it. */
START_TEST (moves_keep_contents_and_do_not_double_memory)
{
  struct live pair[2];
  unsigned moves = 0;
  size_t before;

  for (unsigned at = 0; at < 2; at++)
    {
      pair[at] = (struct live) { sydra_malloc (a, MIB), MIB, 11 + at };
      stamp (pair[at].block, MIB, pair[at].mark);
    }
  reset_peak ();
  before = status_kib ("VmHWM:");
  for (unsigned step = 0; step < 14; step++)
    {
      struct live *live = &pair[step % 2];
      char *moved = sydra_realloc (a, live->block, 2 * live->size);

      ck_assert_ptr_nonnull (moved);
      must_be_stamped (moved, live->size, live->size, live->mark);
      moves += moved != live->block;
      live->block = moved;
      live->size *= 2;
      memset (moved, 1, live->size);
      stamp (moved, live->size, live->mark);
    }
  ck_assert_uint_ge (moves, 10);
  if (!TEST_SANITIZED)
    ck_assert_uint_le (status_kib ("VmHWM:") - before, (2 * 128 * MIB + 4 * MIB) / KIB);
  for (unsigned at = 0; at < 2; at++)
    {
      must_be_stamped (pair[at].block, pair[at].size, pair[at].size, pair[at].mark);
      sydra_free (a, pair[at].block);
    }
  ck_assert (sy_units_are_valid ());
}
END_TEST

/*
 * A block of 1 MiB, all in memory, that grows to so much where another one lies behind it.  With
 * ballast 4 MiB of free memory wait before it; else there is none.
 */
static char *
grow_away (size_t bytes, bool has_free)
{
  void *ballast = has_free ? take_ballast (64 * MIB) : NULL;
  char *used = sydra_malloc (a, 4 * MIB), *block = sydra_malloc (a, MIB),
       *wall = sydra_malloc (a, MIB), *grown;

  memset (used, 1, 4 * MIB);
  memset (block, 1, MIB);
  stamp (block, MIB, 5);
  sydra_free (a, used);
  if (!has_free)
    (void) sydra_collect (a);
  ck_assert_uint_eq (sy_dirty_bytes (), has_free ? 4 * MIB : 0);
  grown = sydra_realloc (a, block, bytes);
  ck_assert_ptr_nonnull (grown);
  ck_assert_ptr_ne (grown, block);
  ck_assert_uint_eq (sydra_usable_size (a, grown), bytes);
  must_be_stamped (grown, MIB, MIB, 5);
  sydra_free (a, wall);
  sydra_free (a, ballast);
  (void) sydra_collect (a);
  return grown;
}

START_TEST (a_block_that_grows_far_is_copied_to_pages_that_are_there)
{
  /* How far, is free memory there, how many of its own pages are there then. */
  const struct { size_t bytes; bool has_free; size_t there;
  } cases[] = { { 2 * MIB, false, MIB },
                { MIB + MIB / 8, true, MIB },
                { MIB + MIB / 4, true, MIB + MIB / 4 },
                { 2 * MIB, true, 2 * MIB },
                { 8 * MIB, true, MIB } };

  for (unsigned at = 0; at < sizeof cases / sizeof cases[0]; at++)
    {
      char *grown = grow_away (cases[at].bytes, cases[at].has_free);
      size_t there = there_of (grown, cases[at].bytes);

      ck_assert_msg (there == cases[at].there, "case %u: %zu", at, there);
      sydra_free (a, grown);
      (void) sydra_collect (a);
    }
}
END_TEST

START_TEST (all_bytes_that_may_be_used_are_copied)
{
  void *ballast = take_ballast (64 * MIB);
  char *used = sydra_malloc (a, 8 * MIB), *wall, *copy,
       *grown = grow_away (2 * MIB - 3 * sy_os_page_bytes (), false);
  size_t usable = sydra_usable_size (a, grown);

  wall = sydra_malloc (a, 16 * MIB);
  memset (grown, 1, usable);
  stamp (grown, usable, 8);
  memset (used, 1, 8 * MIB);
  sydra_free (a, used);
  copy = sydra_realloc (a, grown, 2 * usable);
  ck_assert_ptr_eq (copy, used);
  must_be_stamped (copy, usable, usable, 8);
  sydra_free (a, copy);
  sydra_free (a, wall);
  sydra_free (a, ballast);
}
END_TEST

START_TEST (what_lies_behind_a_moved_block_s_old_end_is_zero_and_usable)
{
  char *grown = grow_away (2 * MIB, false);

  must_be_zero (grown + MIB, MIB);
  stamp (grown, 2 * MIB, 12);
  /* It has room to grow on, up to one half of its size. */
  ck_assert (sydra_resize (a, grown, 3 * MIB));
  must_be_zero (grown + 2 * MIB, MIB);
  stamp (grown + 2 * MIB, MIB, 13);
  ck_assert (!sydra_resize (a, grown, 3 * MIB + 1));
  must_be_stamped (grown, 2 * MIB, 2 * MIB, 12);
  sydra_free (a, grown);
}
END_TEST

START_TEST (the_old_place_serves_again_and_is_zero)
{
  char *block = sydra_malloc (a, MIB), *wall = sydra_malloc (a, MIB), *grown, *again;

  memset (block, 1, MIB);
  grown = sydra_realloc (a, block, 2 * MIB);
  ck_assert_ptr_ne (grown, block);
  again = sydra_calloc (a, 1, MIB);
  ck_assert_ptr_eq (again, block);
  if (!TEST_SANITIZED)
    ck_assert_uint_eq (there_of (again, MIB), 0);
  must_be_zero (again, MIB);
  sydra_free (a, again);
  sydra_free (a, grown);
  sydra_free (a, wall);
}
END_TEST

START_TEST (a_moved_block_waits_and_goes_back_as_any_other)
{
  char *grown, *wall;
  unsigned before;

  wall = sydra_malloc (a, MIB);
  before = mappings ();
  grown = grow_away (4 * MIB, false);
  memset (grown, 1, 4 * MIB);
  ck_assert_ptr_eq (sydra_realloc (a, grown, 2 * MIB), grown);
  ck_assert_uint_eq (used_bytes (), 3 * MIB);
  ck_assert_uint_ge (sy_dirty_bytes (), SY_DIRTY_LEAST * SY_UNIT_BYTES / 2);
  sydra_free (a, grown);
  (void) sydra_collect (a);
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
  ck_assert_uint_eq (there_of (grown, 4 * MIB), 0);
  ck_assert_uint_le (mappings (), before);
  sydra_free (a, wall);
}
END_TEST

/* Lets a block of MOVED_BYTES grow away from its place, if that is used up behind it. */
static void
grow_one (char **block, size_t size, unsigned *moves)
{
  char *moved = sydra_realloc (a, *block, size);

  ck_assert_ptr_nonnull (moved);
  *moves += moved != *block;
  *block = moved;
}

#define PAIRS 32

static void
make_pairs (char **block, char **wall)
{
  for (unsigned at = 0; at < PAIRS; at++)
    {
      block[at] = sydra_malloc (a, MOVED_BYTES);
      wall[at] = sydra_malloc (a, SY_SMALL_MAX + 1);
      memset (block[at], (int) at, MOVED_BYTES);
    }
}

START_TEST (mappings_stay_few_after_thousands_of_moves)
{
  unsigned before, moves = 0, most = test_is_long () ? 10000 : 2500;
  char *block[PAIRS], *wall[PAIRS];

  sydra_free (a, take_ballast (PAIRS * MIB));
  (void) sydra_collect (a);
  before = mappings ();
  for (unsigned round = 0; moves < most; round++)
    {
      make_pairs (block, wall);
      for (size_t size = 2 * MOVED_BYTES; size <= 16 * MOVED_BYTES; size *= 2)
        {
          /* What is copied to free pages is no move. */
          (void) sydra_collect (a);
          for (unsigned at = 0; at < PAIRS; at++)
            grow_one (&block[at], size, &moves);
        }
      for (unsigned at = 0; at < PAIRS; at++)
        {
          test_must (block[at][0] == (char) at && block[at][MOVED_BYTES - 1] == (char) at,
                     "round %u", round);
          if (at % 3 == 0)
            block[at] = sydra_realloc (a, block[at], 3 * MOVED_BYTES);
          sydra_free (a, block[at]);
          sydra_free (a, wall[at]);
        }
      test_must (round < 10000, "%u moves", moves);
    }
  (void) sydra_collect (a);
  /* Linux does not join all that were apart. */
  ck_assert_uint_le (mappings (), before + 20);
}
END_TEST

START_TEST (only_so_many_live_blocks_are_mappings_of_their_own)
{
  enum { COUNT = SY_MAPPINGS_MAX + 2 * SY_MAPPINGS_LOOK };
  static char *block[COUNT], *wall[COUNT];
  unsigned before = mappings (), moves = 0;

  for (unsigned at = 0; at < COUNT; at++)
    {
      block[at] = sydra_malloc (a, MOVED_BYTES);
      wall[at] = sydra_malloc (a, SY_SMALL_MAX + 1);
      stamp (block[at], 1000, at);
    }
  for (unsigned at = 0; at < COUNT; at++)
    grow_one (&block[at], 2 * MOVED_BYTES, &moves);
  ck_assert_uint_eq (moves, COUNT);
  /* Each is a mapping, and they lie side by side.  The last ones are copied. */
  ck_assert_uint_le (mappings (), before + SY_MAPPINGS_MAX + SY_MAPPINGS_LOOK);
  ck_assert_uint_ge (mappings (), SY_MAPPINGS_MAX);
  for (unsigned at = 0; at < COUNT; at++)
    {
      must_be_stamped (block[at], 1000, 1000, at);
      sydra_free (a, block[at]);
      sydra_free (a, wall[at]);
    }
  (void) sydra_collect (a);
  ck_assert_uint_le (mappings (), before + 8);
}
END_TEST

/* Takes all mappings that the system grants, and lets blocks grow.  0: that took few addresses. */
static int
grow_without_mappings (void *argument)
{
  unsigned most = mappings_granted ();
  uint32_t edge;

  (void) argument;
  if (most == 0)
    return 0;
  sydra_free (a, sydra_malloc (a, 64 * MIB));
  (void) sydra_collect (a);
  edge = sy_range_runs.edge;
  if (!mappings_take_all (most))
    return 3;
  for (unsigned round = 0; round < 100; round++)
    {
      char *block = sydra_malloc (a, MIB), *wall = sydra_malloc (a, MIB), *moved;

      if (block == NULL || wall == NULL)
        return 5;
      stamp (block, MIB, round);
      moved = sydra_realloc (a, block, 8 * MIB);
      if (moved == NULL)
        return 4;
      must_be_stamped (moved, MIB, MIB, round);
      sydra_free (a, moved);
      sydra_free (a, wall);
    }
  return sy_range_runs.edge - edge > 64 * MIB >> SY_UNIT_SHIFT;
}

START_TEST (where_mappings_are_used_up_blocks_grow_and_addresses_last)
{
  struct child child = child_run (grow_without_mappings, NULL);

  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "status %x: %s",
                 (unsigned) child.status, child.text);
}
END_TEST

void
large_add_moves (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "moves", 60, end_of_all);

  tcase_add_test (tests, moves_keep_contents_and_do_not_double_memory);
  tcase_add_test (tests, all_bytes_that_may_be_used_are_copied);
  tcase_add_test (tests, what_lies_behind_a_moved_block_s_old_end_is_zero_and_usable);
  tcase_add_test (tests, the_old_place_serves_again_and_is_zero);
  if (!TEST_SANITIZED)
    {
      tcase_add_test (tests, a_block_that_grows_far_is_copied_to_pages_that_are_there);
      tcase_add_test (tests, a_moved_block_waits_and_goes_back_as_any_other);
      tcase_add_test (tests, mappings_stay_few_after_thousands_of_moves);
      tcase_add_test (tests, where_mappings_are_used_up_blocks_grow_and_addresses_last);
    }
  /* 3 GiB of addresses. */
  if (!TEST_SANITIZED && SY_WORD_BITS == 64)
    tcase_add_test (tests, only_so_many_live_blocks_are_mappings_of_their_own);
}
