/* SPDX-License-Identifier: MIT */
/* moves.c: blocks that grow away from their place, and what that costs in memory and mappings. */
#include <config.h>

#include "unit/child.h"
#include "unit/mappings.h"
#include "heap_mapped.h"

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
      pair[at] = (struct live) { sy_heap_malloc (MIB), MIB, 11 + at };
      stamp (pair[at].block, MIB, pair[at].mark);
    }
  reset_peak ();
  before = status_kib ("VmHWM:");
  for (unsigned step = 0; step < 14; step++)
    {
      struct live *live = &pair[step % 2];
      char *moved = sy_heap_realloc (live->block, 2 * live->size);

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
      sy_heap_free (pair[at].block);
    }
  ck_assert (sy_page_range_is_valid ());
}
END_TEST

/* A block of 1 MiB, all in memory, that grows to so much where another one lies behind it; are
   there free pages for it?  Few others are. */
static char *
grow_away (size_t bytes, bool free_pages)
{
  char *used = sy_heap_malloc (4 * MIB), *block = sy_heap_malloc (MIB),
       *wall = sy_heap_malloc (MIB), *grown;

  memset (used, 1, 4 * MIB);
  memset (block, 1, MIB);
  stamp (block, MIB, 5);
  sy_heap_free (used);
  if (!free_pages)
    (void) sy_heap_purge ();
  grown = sy_heap_realloc (block, bytes);
  ck_assert_ptr_nonnull (grown);
  ck_assert_ptr_ne (grown, block);
  must_be_stamped (grown, MIB, MIB, 5);
  sy_heap_free (wall);
  (void) sy_heap_purge ();
  return grown;
}

START_TEST (a_block_that_grows_far_is_copied_to_pages_that_are_there)
{
  /* How far, are there free pages, how many of its own are there then. */
  const struct { size_t bytes; bool free_pages; size_t there;
  } cases[] = { { 2 * MIB, false, MIB },
                { MIB + MIB / 8, true, MIB },
                { MIB + MIB / 4, true, MIB + MIB / 4 },
                { 2 * MIB, true, 2 * MIB },
                { 8 * MIB, true, MIB } };

  for (unsigned at = 0; at < sizeof cases / sizeof cases[0]; at++)
    {
      char *grown = grow_away (cases[at].bytes, cases[at].free_pages);
      size_t there = there_of (grown, cases[at].bytes);

      ck_assert_msg (there == cases[at].there, "case %u: %zu", at, there);
      sy_heap_free (grown);
      (void) sy_heap_purge ();
    }
  ck_assert (sy_page_range_is_valid ());
}
END_TEST

START_TEST (all_bytes_that_may_be_used_are_copied)
{
  char *used = sy_heap_malloc (8 * MIB), *grown = grow_away (2 * MIB, false),
       *wall = sy_heap_malloc (16 * MIB), *copy;
  size_t usable = sy_heap_usable (grown);

  /* It has room to grow on. */
  ck_assert_uint_gt (usable, 2 * MIB);
  memset (grown, 1, usable);
  stamp (grown, usable, 8);
  memset (used, 1, 8 * MIB);
  sy_heap_free (used);
  copy = sy_heap_realloc (grown, 2 * usable);
  ck_assert_ptr_eq (copy, used);
  must_be_stamped (copy, usable, usable, 8);
  sy_heap_free (copy);
  sy_heap_free (wall);
}
END_TEST

START_TEST (what_was_never_moved_of_a_block_waits_with_its_pages)
{
  char *grown = grow_away (2 * MIB, false);

  memset (grown, 1, 2 * MIB);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
  sy_heap_free (grown);
  /* Its second half, and room to grow on, of which no page came. */
  ck_assert_uint_ge (sy_heap_held_bytes (), MIB);
  ck_assert_uint_le (sy_heap_held_bytes (), 2 * MIB);
  ck_assert (sy_page_range_is_valid ());
  grown = sy_heap_malloc (MIB);
  ck_assert_uint_eq (there_of (grown, MIB), MIB);
  sy_heap_free (grown);
  ck_assert_uint_ne (sy_heap_purge (), 0);
}
END_TEST

START_TEST (mappings_stay_few_after_ten_thousand_moves)
{
  unsigned before, moves = 0;
  char *block[32], *wall[32];

  for (unsigned at = 0; at < 32; at++)
    sy_heap_free (sy_heap_malloc (MIB));
  before = mappings ();
  for (unsigned round = 0; moves < 10000; round++)
    {
      for (unsigned at = 0; at < 32; at++)
        {
          block[at] = sy_heap_malloc (SY_MOVE_BYTES);
          wall[at] = sy_heap_malloc (SY_LARGE_MIN + 1);
          memset (block[at], (int) at, SY_MOVE_BYTES);
        }
      for (size_t size = 2 * SY_MOVE_BYTES; size <= 16 * SY_MOVE_BYTES; size *= 2)
        {
          /* What is copied to free pages is no move. */
          (void) sy_heap_purge ();
          for (unsigned at = 0; at < 32; at++)
            {
              char *moved = sy_heap_realloc (block[at], size);

              ck_assert_ptr_nonnull (moved);
              moves += moved != block[at];
              block[at] = moved;
            }
        }
      for (unsigned at = 0; at < 32; at++)
        {
          test_must (block[at][0] == (char) at && block[at][SY_MOVE_BYTES - 1] == (char) at,
                     "round %u", round);
          if (at % 3 == 0)
            block[at] = sy_heap_realloc (block[at], 3 * SY_MOVE_BYTES);
          sy_heap_free (block[at]);
          sy_heap_free (wall[at]);
        }
      test_must (round < 10000, "%u moves", moves);
    }
  (void) sy_heap_purge ();
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
  sy_heap_free (sy_heap_malloc (64 * MIB));
  (void) sy_heap_purge ();
  edge = sy_page_range.runs.edge;
  if (!mappings_take_all (most))
    return 3;
  for (unsigned round = 0; round < 100; round++)
    {
      char *block = sy_heap_malloc (MIB), *wall = sy_heap_malloc (MIB), *moved;

      stamp (block, MIB, round);
      moved = sy_heap_realloc (block, 8 * MIB);
      if (moved == NULL)
        return 4;
      must_be_stamped (moved, MIB, MIB, round);
      sy_heap_free (moved);
      sy_heap_free (wall);
    }
  return sy_page_bytes_of (sy_page_range.runs.edge - edge) > 64 * MIB;
}

START_TEST (where_mappings_are_used_up_blocks_grow_and_addresses_last)
{
  struct child child = child_run (grow_without_mappings, NULL);

  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "status %x: %s",
                 (unsigned) child.status, child.text);
}
END_TEST

void
heap_mapped_add_moves (Suite *suite)
{
  TCase *tests = test_case (suite, "moves", 60);

  tcase_add_test (tests, moves_keep_contents_and_do_not_double_memory);
  add_with_range (tests, a_block_that_grows_far_is_copied_to_pages_that_are_there);
  add_with_range (tests, all_bytes_that_may_be_used_are_copied);
  add_with_range (tests, what_was_never_moved_of_a_block_waits_with_its_pages);
  if (!TEST_SANITIZED)
    {
      add_with_range (tests, mappings_stay_few_after_ten_thousand_moves);
      add_with_range (tests, where_mappings_are_used_up_blocks_grow_and_addresses_last);
    }
}
