/* SPDX-License-Identifier: MIT */
/* moves.c: large blocks whose move the system refuses, in part or at all. */
#include <config.h>

#include <errno.h>

#include "api/heap_blocks.h"
#include "failing_calls.h"
#include "heap/fallback.h"
#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"
#include "pages/dirty.h"
#include "thread/handle.h"

#define MIB ((size_t) 1 << 20)

#define WALLS 100

/* A block that grows from 1 MiB to 2 where another one lies behind it; the old place. */
struct move
{
  struct sydra_alloc *a;
  char *old, *grown, *wall[WALLS];
  unsigned walls;
};

/* A place that was lost before, of 1 MiB; NULL: none. */
static const char *lost;

static bool
overlap (const char *one, size_t one_bytes, const char *other, size_t other_bytes)
{
  return one < other + other_bytes && other < one + one_bytes;
}

/* Can the block not grow in place, as something lies in the MiB behind it? */
static bool
is_blocked (const char *block)
{
  bool blocked = lost != NULL && overlap (block + MIB, MIB, lost, MIB);

  for (const char *unit = block + MIB; unit < block + 2 * MIB; unit += SY_UNIT_BYTES)
    blocked = blocked || (sy_range_has (unit) && sy_range_kind (0, unit) != 0);
  return blocked;
}

static void
set_out (struct move *move, struct sydra_alloc *a)
{
  move->a = a;
  move->old = sydra_malloc (a, MIB);
  require (move->old != NULL, "no block");
  mark (move->old, MIB, 5);
  for (move->walls = 0; !is_blocked (move->old); move->walls++)
    {
      require (move->walls < WALLS, "no block comes behind the other");
      move->wall[move->walls] = sydra_malloc (a, MIB);
      require (move->wall[move->walls] != NULL, "no block");
      mark (move->wall[move->walls], MIB, 6);
    }
}

/* Whether the pages were moved. */
static bool
grow (struct move *move)
{
  AO_t moves = AO_load (&fault.moves);

  errno = 77;
  move->grown = sydra_realloc (move->a, move->old, 2 * MIB);
  require (move->grown != NULL && move->grown != move->old && errno == 77, "no growth: errno %d",
           errno);
  check_mark (move->grown, MIB, 5);
  mark (move->grown, 2 * MIB, 7);
  require (sy_units_are_valid (), "the book is not valid");
  return AO_load (&fault.moves) != moves;
}

static void
end (struct move *move)
{
  check_mark (move->grown, 2 * MIB, 7);
  sydra_free (move->a, move->grown);
  while (move->walls != 0)
    {
      check_mark (move->wall[--move->walls], MIB, 6);
      sydra_free (move->a, move->wall[move->walls]);
    }
}

/* No block comes to the place, whatever else is free. */
static void
must_be_lost (struct sydra_alloc *a, const char *place, size_t bytes)
{
  static char *block[64];

  for (unsigned at = 0; at < 64; at++)
    {
      block[at] = sydra_calloc (a, 1, MIB / 2);
      require (block[at] != NULL && !overlap (block[at], MIB / 2, place, bytes),
               "a block at a lost place: %p", (void *) block[at]);
    }
  for (unsigned at = 0; at < 64; at++)
    sydra_free (a, block[at]);
}

/* ---- The old place cannot be mapped again ---- */

static int
lose_the_old_place (void *nothing)
{
  struct move first, second;
  struct sydra_alloc *a = create ();

  (void) nothing;
  set_out (&first, a);
  fault_choose (MMAP, 1, false);
  /* The new place is there already. */
  sydra_free (a, sydra_malloc (a, 16 * MIB));
  (void) sydra_collect (a);
  fault_begin ();
  require (grow (&first) && AO_load (&fault.hits) == 1, "no move");
  fault_lift ();
  must_be_lost (a, first.old, MIB);
  lost = first.old;
  set_out (&second, a);
  (void) sydra_collect (a);
  require (grow (&second), "no move after a lost place");
  end (&second);
  end (&first);
  /* What is mapped there then is another's, and may be a block of the C library's. */
  sy_fallback_add (&a->fallback, first.old + 4096);
  require (sy_heap_block_is (a, first.old + 4096), "another's block at a lost place is not known");
  (void) sy_fallback_remove (&a->fallback, first.old + 4096);
  require (!sy_heap_block_is (a, first.old + 4096), "a block that is none");
  recover (a, &live);
  return 0;
}

START_TEST (an_old_place_that_cannot_be_mapped_again_is_lost_and_nothing_else)
{
  child_must_pass (lose_the_old_place, NULL);
}
END_TEST

/* ---- The move itself ---- */

static int
refuse_moves (void *unmaps)
{
  struct move first, second;
  struct sydra_alloc *a = create ();

  fault.unmaps = unmaps != NULL;
  set_out (&first, a);
  fault_choose (MREMAP, 1, true);
  fault_begin ();
  require (grow (&first) && AO_load (&fault.hits) == 1, "no move was tried");
  fault_lift ();
  set_out (&second, a);
  (void) sydra_collect (a);
  require (grow (&second) && AO_load (&fault.hits) == 1, "no move after one that was refused");
  end (&second);
  end (&first);
  recover (a, &live);
  /* No place was lost. */
  require (sy_range_runs.edge == 0, "%u units stay", (unsigned) sy_range_runs.edge);
  return 0;
}

START_TEST (a_block_that_cannot_be_moved_is_copied_and_the_next_one_moves)
{
  child_must_pass (refuse_moves, NULL);
  child_must_pass (refuse_moves, &fault);
}
END_TEST

/* The move fails, and has unmapped the new place, which then cannot be mapped again. */
static int
lose_the_new_place (void *nothing)
{
  struct move move;
  struct sydra_alloc *a = create ();

  (void) nothing;
  set_out (&move, a);
  sydra_free (a, sydra_malloc (a, 16 * MIB));
  (void) sydra_collect (a);
  fault.unmaps = true;
  fault_choose (MREMAP | MMAP, 1, true);
  fault_begin ();
  errno = 0;
  move.grown = sydra_realloc (a, move.old, 2 * MIB);
  require (move.grown != NULL || errno == ENOMEM, "errno %d", errno);
  fault_lift ();
  require (AO_load (&fault.hits) >= 2, "%zu calls failed", (size_t) AO_load (&fault.hits));
  if (move.grown == NULL)
    move.grown = sydra_realloc (a, move.old, 2 * MIB);
  require (move.grown != NULL, "no growth after the fault was lifted");
  check_mark (move.grown, MIB, 5);
  mark (move.grown, 2 * MIB, 7);
  require (sy_units_are_valid (), "the book is not valid");
  must_be_lost (a, move.wall[move.walls - 1] + MIB, 2 * MIB);
  end (&move);
  recover (a, &live);
  return 0;
}

START_TEST (a_new_place_that_cannot_be_mapped_again_is_lost_and_nothing_else)
{
  child_must_pass (lose_the_new_place, NULL);
}
END_TEST

/* ---- The end of a moved block ---- */

static int
lose_the_end (void *nothing)
{
  struct move move;
  struct sydra_alloc *a = create ();

  (void) nothing;
  set_out (&move, a);
  require (grow (&move), "no move");
  fault_choose (MMAP | MPROTECT | MADVISE, 1, true);
  fault_begin ();
  end (&move);
  (void) sydra_collect (a);
  require (AO_load (&fault.hits) != 0, "no call failed");
  fault_lift ();
  require (sy_units_are_valid (), "the book is not valid");
  must_be_lost (a, move.grown, 2 * MIB);
  recover (a, &live);
  return 0;
}

START_TEST (a_moved_block_whose_place_cannot_be_mapped_anew_is_lost_and_nothing_else)
{
  child_must_pass (lose_the_end, NULL);
}
END_TEST

void
failing_calls_add_moves (Suite *suite)
{
  TCase *tests = test_case (suite, "moves", 60);

  tcase_add_test (tests, an_old_place_that_cannot_be_mapped_again_is_lost_and_nothing_else);
  tcase_add_test (tests, a_block_that_cannot_be_moved_is_copied_and_the_next_one_moves);
  tcase_add_test (tests, a_new_place_that_cannot_be_mapped_again_is_lost_and_nothing_else);
  tcase_add_test (tests, a_moved_block_whose_place_cannot_be_mapped_anew_is_lost_and_nothing_else);
}
