/* SPDX-License-Identifier: MIT */
/* waiting.c: memory that waits for one class goes back for what another one takes, or moves
   there. */
#include <config.h>

#include "region.h"
#include "unit/child.h"
#include "unit/mappings.h"

START_TEST (memory_that_waits_for_one_class_goes_back_for_what_another_takes)
{
  unsigned count = slabs_for (CLASS, SY_DIRTY_UNITS + 4);

  open_and_trim ();
  sy_region_give (take_chain (CLASS, count), count);
  ck_assert_uint_eq (sy_region_dirty_bytes (), count * sy_class_slab_bytes (CLASS));

  uint32_t chain = take_chain (OTHER, 10);

  ck_assert_uint_eq (sy_region_dirty_bytes (), SY_DIRTY_UNITS * SY_UNIT_BYTES);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
    ck_assert_uint_eq (slab >> sy_region.zone_shift, OTHER);
  sy_region_give (chain, 10);
  ck_assert_uint_eq (sy_region_purge (), (SY_DIRTY_UNITS + 10) * SY_UNIT_BYTES);
}
END_TEST

START_TEST (memory_goes_back_of_the_class_with_the_most_units_that_wait)
{
  unsigned longest = class_of_units (SY_SLAB_UNITS_MAX), short_count = SY_SLAB_UNITS_MAX;

  /* More slabs of one class, more units of the other; and what is taken is as long as neither. */
  open_and_trim ();
  sy_region_give (take_chain (OTHER, short_count), short_count);
  sy_region_give (take_chain (longest, 2), 2);
  ck_assert_uint_eq (sy_region_dirty_bytes (), 3 * SY_SLAB_UNITS_MAX * SY_UNIT_BYTES);

  uint32_t taken = take_chain (class_of_units (2), 1);

  ck_assert_uint_eq (sy_slab_at (taken)->moved, 0);

  ck_assert_uint_eq (sy_region_dirty_bytes (), 2 * SY_SLAB_UNITS_MAX * SY_UNIT_BYTES);

  /* The short ones are all dirty still: taking them leaves the range as it is. */
  uint32_t used = used_of (OTHER), chain = take_chain (OTHER, short_count);

  ck_assert_uint_eq (used_of (OTHER), used);
  ck_assert_uint_eq (sy_region_dirty_bytes (), SY_SLAB_UNITS_MAX * SY_UNIT_BYTES);
  sy_region_give (chain, short_count);
  sy_region_give (taken, 1);
}
END_TEST

/* Another class of slabs as long. */
static unsigned
twin_of (unsigned class)
{
  unsigned twin = SY_CLASSES - 1;

  while (twin == class || sy_size_classes[twin].units != sy_size_classes[class].units)
    twin--;
  ck_assert_uint_ne (twin, 0);
  return twin;
}

/* Does this system move memory? */
static bool
memory_is_moved (void)
{
  char *two = sy_os_map (2 * SY_UNIT_BYTES);

  ck_assert_ptr_nonnull (two);
  memset (two, 1, SY_UNIT_BYTES);

  bool moved = sy_os_move (two, two + SY_UNIT_BYTES, SY_UNIT_BYTES) == SY_MOVED;

  sy_os_unmap (two, 2 * SY_UNIT_BYTES);
  return moved;
}

static void
fill_chain (uint32_t chain)
{
  for (; chain != SY_SLAB_NONE; chain = sy_slab_at (chain)->next)
    memset (sy_region_address (chain), 0x5a, sy_class_slab_bytes (sy_slab_class (chain)));
}

static bool
is_all (uint32_t slab, char byte)
{
  const char *start = sy_region_address (slab);
  size_t bytes = sy_class_slab_bytes (sy_slab_class (slab));

  return start[0] == byte && memcmp (start, start + 1, bytes - 1) == 0;
}

START_TEST (memory_that_waits_for_one_class_is_moved_to_slabs_as_long_of_another)
{
  unsigned count = slabs_for (CLASS, SY_DIRTY_UNITS) + 1, twin = twin_of (CLASS);
  bool moves = memory_is_moved ();
  uint32_t chain, slab;

  open_and_trim ();
  chain = take_chain (CLASS, count);
  fill_chain (chain);
  sy_region_give (chain, count);
  slab = sy_region_take (twin);
  ck_assert_uint_ne (slab, SY_SLAB_NONE);
  ck_assert_uint_eq (sy_slab_class (slab), twin);
  ck_assert (is_all (slab, moves ? 0x5a : 0));
  ck_assert_uint_eq (sy_slab_at (slab)->touched, moves ? sy_size_classes[twin].blocks : 0);
  ck_assert_uint_eq (sy_slab_at (slab)->moved, moves);
  ck_assert_uint_eq (sy_region_dirty_bytes (), (count - 1) * sy_class_slab_bytes (CLASS));

  /* Where it came from there is none; given back, where it was there is none either, and the
     mapping is one again. */
  sy_region_give (slab, 1);
  (void) sy_region_purge ();
  ck_assert_uint_eq (sy_region_take (twin), slab);
  ck_assert (is_all (slab, 0));
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);
  ck_assert_uint_eq (sy_slab_at (slab)->moved, 0);
  chain = take_chain (CLASS, count);
  for (uint32_t own = chain; own != SY_SLAB_NONE; own = sy_slab_at (own)->next)
    ck_assert (is_all (own, 0) && sy_slab_at (own)->touched == 0);
  sy_region_give (chain, count);
  sy_region_give (slab, 1);
}
END_TEST

/* Every second slab of the chain, and then the others: no two neighbours one after the other. */
static void
give_in_two_parts (uint32_t chain)
{
  uint32_t part[2] = { SY_SLAB_NONE, SY_SLAB_NONE };
  unsigned count[2] = { 0, 0 };

  for (unsigned at = 0; chain != SY_SLAB_NONE; at = !at)
    {
      uint32_t slab = chain;

      chain = sy_slab_at (slab)->next;
      sy_slab_at (slab)->next = part[at];
      part[at] = slab;
      count[at]++;
    }
  for (unsigned at = 0; at < 2; at++)
    sy_region_give (part[at], count[at]);
}

/* More slabs than may be mappings of their own get another class's memory, and give it back. */
START_TEST (moved_memory_takes_few_mappings_and_leaves_none)
{
  unsigned class = class_of_units (1), twin = twin_of (class), third = twin_of (twin);
  unsigned count = 2 * SY_MOVED_SLABS_MAX, before, most;
  uint32_t ours, theirs;

  open_and_trim ();
  sy_region_give (take_chain (class, count), count);
  sy_region_give (take_chain (twin, count), count);
  sy_region_give (take_chain (third, count), count);
  (void) sy_region_purge ();
  before = mappings ();
  theirs = take_chain (class, count);
  fill_chain (theirs);
  give_in_two_parts (theirs);
  ours = take_chain (twin, count);
  most = mappings ();
  ck_assert_uint_le (most, before + SY_MOVED_SLABS_MAX + SY_MOVED_SLABS_MAX / 2);
  if (memory_is_moved ())
    ck_assert_uint_ge (most, before + SY_MOVED_SLABS_MAX / 2);
  /* ... on to a third one, too. */
  give_in_two_parts (ours);
  ours = take_chain (third, count);
  ck_assert_uint_le (mappings (), before + SY_MOVED_SLABS_MAX + SY_MOVED_SLABS_MAX / 2);
  sy_region_give (ours, count);
  (void) sy_region_purge ();
  ck_assert_uint_le (mappings (), before + 8);
}
END_TEST

/* Takes all mappings that the system grants, and slabs while another class's memory waits.  0: they
   were all there. */
static int
take_without_mappings (void *argument)
{
  unsigned class = class_of_units (1), twin = twin_of (class);
  unsigned count = SY_DIRTY_UNITS + 20, most = mappings_granted ();
  uint32_t chain, number = 0;
  char *two = sy_os_map (2 * SY_UNIT_BYTES);
  bool lost;

  (void) argument;
  if (most == 0)
    return 0;
  memset (two, 1, SY_UNIT_BYTES);
  sy_region_give (take_chain (twin, count), count);
  (void) sy_region_purge ();
  chain = take_chain (class, count);
  fill_chain (chain);
  sy_region_give (chain, count);
  if (!mappings_take_all (most))
    return 3;
  lost = sy_os_move (two, two + SY_UNIT_BYTES, SY_UNIT_BYTES) == SY_MOVE_LOST;
  chain = take_chain (twin, count - 1);
  fill_chain (chain);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next, number++)
    if (!is_all (slab, 0x5a) || sy_slab_class (slab) != twin || sy_slab_at (slab)->moved != 0)
      return 4;
  /* Of those that had been used one is lost at the most. */
  return number == count - 1 && sy_region_take (twin) != SY_SLAB_NONE
         && used_of (twin) == count + lost ? 0 : 5;
}

START_TEST (where_mappings_are_used_up_memory_is_moved_no_more)
{
  struct child child;

  open_and_trim ();
  child = child_run (take_without_mappings, NULL);
  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0,
                 "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
region_add_waiting (Suite *suite)
{
  TCase *tests = test_case (suite, "waiting", 20);

  tcase_add_loop_test (tests, memory_that_waits_for_one_class_goes_back_for_what_another_takes,
                       0, LENGTHS);
  tcase_add_test (tests, memory_goes_back_of_the_class_with_the_most_units_that_wait);
  tcase_add_loop_test (tests, memory_that_waits_for_one_class_is_moved_to_slabs_as_long_of_another,
                       0, LENGTHS);
  if (!TEST_SANITIZED && SY_WORD_BITS == 64)
    {
      tcase_add_test (tests, moved_memory_takes_few_mappings_and_leaves_none);
      tcase_add_test (tests, where_mappings_are_used_up_memory_is_moved_no_more);
    }
}
