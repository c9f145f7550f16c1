/* SPDX-License-Identifier: MIT */
/* misuse.c: what is no large block of the handle's is reported, and what a handle leaves goes. */
#include <config.h>

#include "unit/child.h"
#include "large.h"

enum misuse {
  FREED_TWICE,
  FREED_BY_TWO,
  INSIDE,
  INSIDE_A_UNIT,
  BEHIND_ALL,
  FREED_REALLOC,
  FREED_RESIZE,
  FREED_USABLE,
  OLD_AFTER_A_MOVE,
  FREED_WHILE_IT_MOVES,
  CUT_OFF,
  OF_ANOTHER
};

static const char not_here[] = "no block of this handle: not allocated by it, or freed already",
                  in_a_hole[] = "no block: in a part of the range that holds none now "
                                "(freed already?)",
                  in_the_middle[] = "points into the middle of a block",
                  of_another[] = "a block of another handle";

static char *victim, *grown;
static struct sydra_alloc *other;

static int
misuse (void *kind)
{
  switch ((enum misuse) (uintptr_t) kind)
    {
    case FREED_TWICE:
      sydra_free (a, victim);
      sydra_free (a, victim);
      break;
    case FREED_BY_TWO:
      /* As two threads do, of which neither has seen the other's free. */
      sy_large_give (a->pool.tag, victim, "sydra_free");
      sy_large_give (a->pool.tag, victim, "sydra_free");
      break;
    case INSIDE:
      sydra_free (a, victim + SY_UNIT_BYTES);
      break;
    case INSIDE_A_UNIT:
      sydra_free (a, victim + 16);
      break;
    case BEHIND_ALL:
      sydra_free (a, victim + sy_range_bytes ());
      break;
    case FREED_REALLOC:
      sydra_free (a, victim);
      grown = sydra_realloc (a, victim, 5 * MIB);
      break;
    case FREED_RESIZE:
      sydra_free (a, victim);
      (void) sydra_resize (a, victim, 100 * KIB);
      break;
    case FREED_USABLE:
      sydra_free (a, victim);
      (void) sydra_usable_size (a, victim);
      break;
    case OLD_AFTER_A_MOVE:
      grown = sydra_realloc (a, victim, 5 * MIB);
      sydra_free (a, victim);
      break;
    case FREED_WHILE_IT_MOVES:
      /* As two threads do, of which one has asked whose the block is before the other freed it. */
      sy_large_give (a->pool.tag, victim, "sydra_free");
      (void) sy_large_move (a->pool.tag, victim, 5 * MIB);
      break;
    case CUT_OFF:
      grown = sydra_realloc (a, victim, MIB / 2);
      sydra_free (a, victim + MIB / 2);
      break;
    case OF_ANOTHER:
      sydra_free (other, victim);
      break;
    }
  return 0;
}

START_TEST (misuse_ends_the_process_with_a_line)
{
  const struct { enum misuse kind; const char *call, *what; size_t offset;
  } cases[] = { { FREED_TWICE, "sydra_free", in_a_hole, 0 },
                { FREED_BY_TWO, "sydra_free", not_here, 0 },
                { INSIDE, "sydra_free", in_the_middle, SY_UNIT_BYTES },
                { INSIDE_A_UNIT, "sydra_free", in_the_middle, 16 },
                { BEHIND_ALL, "sydra_free", not_here, sy_range_bytes () },
                { FREED_REALLOC, "sydra_realloc", in_a_hole, 0 },
                { FREED_RESIZE, "sydra_resize", in_a_hole, 0 },
                { FREED_USABLE, "sydra_usable_size", in_a_hole, 0 },
                { OLD_AFTER_A_MOVE, "sydra_free", in_a_hole, 0 },
                { FREED_WHILE_IT_MOVES, "sydra_realloc", not_here, 0 },
                { CUT_OFF, "sydra_free", in_a_hole, MIB / 2 },
                { OF_ANOTHER, "sydra_free", of_another, 0 } };
  void *wall;

  victim = sydra_malloc (a, MIB);
  wall = sydra_malloc (a, MIB);
  other = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (other);
  for (unsigned at = 0; at < sizeof cases / sizeof *cases; at++)
    {
      size_t offset = cases[at].kind == BEHIND_ALL ? sy_range_bytes () : cases[at].offset;
      char line[200];

      snprintf (line, sizeof line, "sydra-alloc: %s: %p: %s\n", cases[at].call,
                (void *) (victim + offset), cases[at].what);
      child_must_abort (misuse, (void *) (uintptr_t) cases[at].kind, line);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (other), 0);
  sydra_free (a, victim);
  sydra_free (a, wall);
}
END_TEST

START_TEST (the_end_of_a_handle_gives_all_its_large_blocks_back)
{
  char *kept = sydra_malloc (a, MIB), *moved;
  struct sydra_alloc *ends = sydra_alloc_create (NULL);

  stamp (kept, MIB, 4);
  for (unsigned at = 0; at < 100; at++)
    ck_assert_ptr_nonnull (at % 3 == 0 ? sydra_aligned_alloc (ends, MIB, 50 * KIB)
                                       : sydra_malloc (ends, 40 * KIB + at * 10 * KIB));
  moved = sydra_malloc (ends, MIB);
  ck_assert_ptr_nonnull (sydra_malloc (ends, MIB));
  ck_assert_ptr_ne (sydra_realloc (ends, moved, 3 * MIB), moved);
  ck_assert_uint_eq (sydra_alloc_destroy (ends), 102);
  ck_assert_uint_eq (used_bytes (), MIB);
  ck_assert_uint_le (sy_dirty_bytes (), waiting_most (true));
  ck_assert (sy_units_are_valid ());
  must_be_stamped (kept, MIB, MIB, 4);
  sydra_free (a, kept);
}
END_TEST

void
large_add_misuse (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "misuse", 60, end_of_all);

  tcase_add_test (tests, misuse_ends_the_process_with_a_line);
  tcase_add_test (tests, the_end_of_a_handle_gives_all_its_large_blocks_back);
}
