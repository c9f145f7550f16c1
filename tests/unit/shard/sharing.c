/* SPDX-License-Identifier: MIT */
/* sharing.c: memory that serves one class after another, and large blocks. */
#include <config.h>

#include "pages/large.h"
#include "shard.h"

#define UNITS 320u
#define LESS (UNITS - SY_SLAB_UNITS_MAX)  /* some more are held in the end */

/* Slabs with no free block. */
static struct held
{
  unsigned class;
  void **blocks;
} held[2 * UNITS];

static unsigned held_count;

static uint32_t
hold_slab (unsigned class)
{
  unsigned count = sy_size_classes[class].blocks;
  void **blocks = malloc (count * sizeof *blocks);

  ck_assert_ptr_nonnull (blocks);
  carve (0, class, count, blocks);
  held[held_count++] = (struct held) { class, blocks };
  return sy_size_classes[class].units;
}

static void
give_slab (unsigned number)
{
  struct held given = held[number];

  held[number] = held[--held_count];
  sy_pool_put (&pool, 0, given.class, given.blocks, sy_size_classes[given.class].blocks);
  free (given.blocks);
}

static void
give_all (struct test_random *random)
{
  while (held_count != 0)
    give_slab ((unsigned) test_random_below (random, held_count));
}

/* Slabs of the class, and as many of any class, until they have so many units. */
static void
hold_any (unsigned class, uint32_t least, struct test_random *random)
{
  for (uint32_t units = 0; units < least;)
    {
      units += hold_slab (class);
      units += hold_slab (1 + (unsigned) test_random_below (random, SY_CLASSES - 1));
    }
}

/* Slabs of the class until they have so many units. */
static void
hold_one (unsigned class, uint32_t least)
{
  for (uint32_t units = 0; units < least;)
    units += hold_slab (class);
}

START_TEST (a_class_and_a_large_block_take_all_that_others_gave_back)
{
  struct test_random random = test_random_make ((uint64_t) _i);
  unsigned class = (unsigned) _i;
  size_t bytes;
  bool zero;

  open_pool (1);
  hold_any (1 + class % LAST, UNITS, &random);
  bytes = sy_range_bytes ();
  give_all (&random);
  must_be_empty ();
  /* Dirty and clean units do not make one run. */
  ck_assert_uint_gt (sy_dirty_purge (), 0);
  hold_one (class, LESS);
  ck_assert_uint_eq (sy_range_bytes (), bytes);
  give_all (&random);
  ck_assert_uint_gt (sy_dirty_purge (), 0);
  ck_assert_ptr_nonnull (sy_large_take (TAG, 1, UNITS * SY_UNIT_BYTES, 0, &zero));
  ck_assert_uint_eq (sy_range_bytes (), bytes);
  sy_large_close (TAG);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- One unit at a time ---- */

static unsigned
any_class_of_a_unit (struct test_random *random)
{
  unsigned class;

  do
    class = 1 + (unsigned) test_random_below (random, SY_CLASSES - 1);
  while (sy_size_classes[class].units != 1);
  return class;
}

/* Gives back half of the slabs.  Returns how many. */
static unsigned
give_half (struct test_random *random)
{
  unsigned given = held_count / 2;

  for (unsigned at = 0; at < given; at++)
    give_slab ((unsigned) test_random_below (random, held_count));
  return given;
}

/* Every freed unit serves, whatever is used beside it: no memory is new, and none waits. */
START_TEST (single_units_between_used_ones_serve_any_class_and_large_blocks)
{
  struct test_random random = test_random_make (0);
  unsigned class = any_class_of_a_unit (&random);
  uint32_t edge;
  bool zero;

  open_pool (1);
  for (unsigned at = 0; at < UNITS; at++)
    (void) hold_slab (at % 2 ? class : any_class_of_a_unit (&random));
  edge = sy_range_runs.edge;
  for (unsigned round = 0; round < 20; round++)
    {
      unsigned given = give_half (&random), large = given / 2;

      class = any_class_of_a_unit (&random);
      for (unsigned at = 0; at < large; at++)
        ck_assert_ptr_nonnull (sy_large_take (TAG, 1, SY_UNIT_BYTES - 1, 0, &zero));
      for (unsigned at = large; at < given; at++)
        (void) hold_slab (class);
      ck_assert_uint_le (sy_range_runs.edge, edge);
      ck_assert_uint_eq (sy_range_runs.used, UNITS);
      ck_assert_uint_eq (sy_dirty_bytes (), 0);
      sy_large_close (TAG);
      while (large-- != 0)
        (void) hold_slab (any_class_of_a_unit (&random));
      ck_assert (sy_units_are_valid ());
    }
  ck_assert_uint_eq (sy_range_runs.edge, edge);
  give_all (&random);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- The end of the range ---- */

/* The map must be as long as what is said to be the range, wherever it ends. */
START_TEST (every_unit_of_the_range_may_be_asked_about)
{
  enum { TAKEN = 100 };
  uint32_t asked = 0;

  open_pool (1);
  for (unsigned run = 0; run < 520; run++)
    {
      bool zero;
      uint32_t first = sy_units_take (TAKEN, SY_MEMORY_NONE, &zero);

      if (first == SY_UNIT_NONE)
        break;
      for (; asked < units_in_map (); asked++)
        ck_assert_uint_eq (sy_pool_class_of (&pool, sy_range_address (asked)), SY_CLASS_HEAP);
      ck_assert_uint_ge (asked, first + TAKEN);
    }
  ck_assert_uint_gt (asked, 0);
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_sharing (Suite *suite)
{
  TCase *tests = test_case (suite, "sharing", 20);

  tcase_add_loop_test (tests, a_class_and_a_large_block_take_all_that_others_gave_back, 1,
                       SY_CLASSES);
  tcase_add_test (tests, single_units_between_used_ones_serve_any_class_and_large_blocks);
  tcase_add_test (tests, every_unit_of_the_range_may_be_asked_about);
}
