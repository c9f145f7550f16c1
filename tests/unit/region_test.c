/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>
#include <sys/resource.h>

#include "child.h"
#include "classes.h"
#include "base/lock.h"
#include "mappings.h"
#include "base/os.h"
#include "pool/region.h"
#include "suite.h"
#include "threads.h"

/* A clock that runs ahead of every reaping so far. */
static uint64_t
later_ns (void)
{
  static uint64_t now_ns;

  if (now_ns == 0)
    now_ns = sy_os_now_ns ();
  return now_ns += 10 * SY_REAP_NS;
}

static void
open_and_trim (void)
{
  ck_assert (sy_region_open ());
  (void) sy_region_trim ();
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
}

/* Tests are run with classes of slabs of 1, 2, 4 and 8 units: the loop's number is the power. */
#define CLASS class_of_units (1u << _i)
#define OTHER class_of_blocks (96)
#define LENGTHS 4

/* Slabs of the class that make at least so many units. */
static unsigned
slabs_for (unsigned class, unsigned units)
{
  return (units + sy_size_classes[class].units - 1) / sy_size_classes[class].units;
}

/* How many slabs of the class were ever used. */
static uint32_t
used_of (unsigned class)
{
  uint32_t first;

  return sy_region_used (class, &first) / sy_size_classes[class].units;
}

/* Takes count slabs of the class, and chains them. */
static uint32_t
take_chain (unsigned class, unsigned count)
{
  uint32_t chain = SY_SLAB_NONE;

  while (count-- != 0)
    {
      uint32_t slab = sy_region_take (class);

      ck_assert_uint_ne (slab, SY_SLAB_NONE);
      sy_slab_at (slab)->next = chain;
      chain = slab;
    }
  return chain;
}

START_TEST (a_range_that_is_not_open_owns_nothing)
{
  int local;

  if (sy_region.bytes != 0)
    return; /* an earlier test of this process opened it */
  ck_assert (!sy_region_has (NULL));
  ck_assert (!sy_region_has (&local));
  ck_assert (!sy_region_has ((void *) UINTPTR_MAX));
  for (unsigned class = 0; class < SY_CLASSES; class++)
    ck_assert_uint_eq (used_of (class), 0);
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  ck_assert_uint_eq (sy_region_trim (), 0);
}
END_TEST

START_TEST (the_range_is_opened_once)
{
  ck_assert (sy_region_open ());

  char *base = sy_region.base;
  size_t bytes = sy_region.bytes;

  ck_assert (sy_region_open ());
  ck_assert_ptr_eq (sy_region.base, base);
  ck_assert_uint_eq (sy_region.bytes, bytes);
  ck_assert_uint_eq ((uintptr_t) base % SY_UNIT_BYTES, 0);
  ck_assert_uint_eq (bytes % SY_UNIT_BYTES, 0);
  ck_assert_uint_ge (bytes, ((size_t) SY_CLASSES << SY_ZONE_SHIFT_MIN) - SY_UNIT_BYTES);
}
END_TEST

START_TEST (the_range_ends_where_it_ends)
{
  int local;

  ck_assert (sy_region_open ());
  ck_assert (sy_region_has (sy_region.base));
  ck_assert (sy_region_has (sy_region.base + sy_region.bytes - 1));
  ck_assert (!sy_region_has (sy_region.base - 1));
  ck_assert (!sy_region_has (sy_region.base + sy_region.bytes));
  ck_assert (!sy_region_has (NULL));
  ck_assert (!sy_region_has ((void *) UINTPTR_MAX));
  ck_assert (!sy_region_has (&local));
  ck_assert_uint_eq (sy_region_unit_of (sy_region.base + sy_region.bytes - 1), sy_region_unit_count () - 1);
}
END_TEST

/* A TLB's sets are chosen by the low bits of a page's number: 16 units, of 16 pages each, have all there are.  In a pool's map 16 pages do. */
START_TEST (first_slabs_of_the_classes_are_spread_over_all_sets)
{
  unsigned slabs[16] = { 0 }, maps[16] = { 0 }, classes = 0;
  uint32_t first;

  ck_assert (sy_region_open ());
  if (sy_region.zone_shift < 8)
    return; /* the system has given no more than short zones */
  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (sy_size_classes[class].units == 1)
      {
        (void) sy_region_used (class, &first);
        ck_assert_uint_eq (first >> sy_region.zone_shift, class);
        slabs[first % 16]++;
        maps[first / 4096 % 16]++;
        classes++;
      }
  for (unsigned place = 0; place < 16; place++)
    {
      ck_assert_uint_le (slabs[place], classes / 16 + 2);
      if (sy_region.zone_shift >= 20)
        ck_assert_uint_le (maps[place], classes / 16 + 2);
    }
}
END_TEST

START_TEST (every_byte_of_a_slab_is_in_it_and_the_next_one_is_not)
{
  ck_assert (sy_region_open ());
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      uint32_t slab = sy_region_take (class), units = sy_size_classes[class].units;
      char *start = sy_region_address (slab);

      ck_assert_uint_ne (slab, SY_SLAB_NONE);
      ck_assert_uint_eq (slab % units, 0);
      for (size_t offset = 0; offset < sy_class_slab_bytes (class); offset += SY_UNIT_BYTES / 2)
        {
          ck_assert_uint_eq (sy_region_slab_of (start + offset), slab);
          ck_assert_uint_eq (sy_region_unit_of (start + offset), slab + offset / SY_UNIT_BYTES);
          ck_assert_uint_eq (sy_region_unit_of (start + offset) >> sy_region.zone_shift, class);
        }
      ck_assert_uint_eq (sy_region_slab_of (start + sy_class_slab_bytes (class) - 1), slab);
      ck_assert_uint_eq (sy_region_slab_of (start + sy_class_slab_bytes (class)), slab + units);
      sy_region_give (slab, 1);
    }
}
END_TEST

START_TEST (slabs_are_distinct_writable_and_counted)
{
  unsigned count = slabs_for (CLASS, 3 * SY_COMMIT_UNITS + 5);
  size_t bytes = sy_class_slab_bytes (CLASS);
  uint32_t chain, slab;

  open_and_trim ();
  chain = take_chain (CLASS, count);
  ck_assert_uint_ge (used_of (CLASS), count);
  slab = chain;
  for (unsigned at = 0; at < count; at++, slab = sy_slab_at (slab)->next)
    {
      ck_assert (sy_region_is_used (slab));
      ck_assert_uint_eq (slab >> sy_region.zone_shift, CLASS);
      for (size_t offset = 0; offset < bytes; offset += 4096)
        {
          ck_assert_int_eq (sy_region_address (slab)[offset], 0);
          sy_region_address (slab)[offset] = 1; /* a slab that comes twice is not zero any more */
        }
      sy_region_address (slab)[bytes - 1] = 1;
    }
  sy_region_give (chain, count);
  ck_assert_uint_eq (sy_region_spare_bytes (), count * bytes);
  ck_assert_uint_eq (sy_region_trim (), count * bytes);
}
END_TEST

START_TEST (slabs_given_back_are_taken_before_fresh_ones)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, 20), 20);

  uint32_t used = used_of (CLASS), chain = take_chain (CLASS, 20);

  ck_assert_uint_eq (used_of (CLASS), used);
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  sy_region_give (chain, 20);
  (void) sy_region_trim ();
  chain = take_chain (CLASS, 20);
  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, 20);
}
END_TEST

START_TEST (memory_that_waits_for_one_class_goes_back_for_what_another_takes)
{
  unsigned count = slabs_for (CLASS, SY_SPARE_UNITS + 4);

  open_and_trim ();
  sy_region_give (take_chain (CLASS, count), count);
  ck_assert_uint_eq (sy_region_spare_bytes (), count * sy_class_slab_bytes (CLASS));

  uint32_t chain = take_chain (OTHER, 10);

  ck_assert_uint_eq (sy_region_spare_bytes (), SY_SPARE_UNITS * SY_UNIT_BYTES);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
    ck_assert_uint_eq (slab >> sy_region.zone_shift, OTHER);
  sy_region_give (chain, 10);
  ck_assert_uint_eq (sy_region_trim (), (SY_SPARE_UNITS + 10) * SY_UNIT_BYTES);
}
END_TEST

START_TEST (memory_goes_back_of_the_class_with_the_most_units_that_wait)
{
  unsigned longest = class_of_units (SY_SLAB_UNITS_MAX), short_count = SY_SLAB_UNITS_MAX;

  /* More slabs of one class, more units of the other; and what is taken is as long as neither. */
  open_and_trim ();
  sy_region_give (take_chain (OTHER, short_count), short_count);
  sy_region_give (take_chain (longest, 2), 2);
  ck_assert_uint_eq (sy_region_spare_bytes (), 3 * SY_SLAB_UNITS_MAX * SY_UNIT_BYTES);

  uint32_t taken = take_chain (class_of_units (2), 1);

  ck_assert_uint_eq (sy_slab_at (taken)->moved, 0);

  ck_assert_uint_eq (sy_region_spare_bytes (), 2 * SY_SLAB_UNITS_MAX * SY_UNIT_BYTES);

  /* The short ones are all spare still: taking them leaves the range as it is. */
  uint32_t used = used_of (OTHER), chain = take_chain (OTHER, short_count);

  ck_assert_uint_eq (used_of (OTHER), used);
  ck_assert_uint_eq (sy_region_spare_bytes (), SY_SLAB_UNITS_MAX * SY_UNIT_BYTES);
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

  return start[0] == byte && memcmp (start, start + 1, sy_class_slab_bytes (sy_slab_class (slab)) - 1) == 0;
}

START_TEST (memory_that_waits_for_one_class_is_moved_to_slabs_as_long_of_another)
{
  unsigned count = slabs_for (CLASS, SY_SPARE_UNITS) + 1, twin = twin_of (CLASS);
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
  ck_assert_uint_eq (sy_region_spare_bytes (), (count - 1) * sy_class_slab_bytes (CLASS));

  /* Where it came from there is none; given back, where it was there is none either, and the mapping is one again. */
  sy_region_give (slab, 1);
  (void) sy_region_trim ();
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
  unsigned class = class_of_units (1), twin = twin_of (class), third = twin_of (twin), count = 2 * SY_MOVED_SLABS_MAX, before, most;
  uint32_t ours, theirs;

  open_and_trim ();
  sy_region_give (take_chain (class, count), count);
  sy_region_give (take_chain (twin, count), count);
  sy_region_give (take_chain (third, count), count);
  (void) sy_region_trim ();
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
  (void) sy_region_trim ();
  ck_assert_uint_le (mappings (), before + 8);
}
END_TEST

/* Takes all mappings that the system grants, and slabs while another class's memory waits.  0: they were all there. */
static int
take_without_mappings (void *argument)
{
  unsigned class = class_of_units (1), twin = twin_of (class), count = SY_SPARE_UNITS + 20, most = mappings_granted ();
  uint32_t chain, number = 0;
  char *two = sy_os_map (2 * SY_UNIT_BYTES);
  bool lost;

  (void) argument;
  if (most == 0)
    return 0;
  memset (two, 1, SY_UNIT_BYTES);
  sy_region_give (take_chain (twin, count), count);
  (void) sy_region_trim ();
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
  return number == count - 1 && sy_region_take (twin) != SY_SLAB_NONE && used_of (twin) == count + lost ? 0 : 5;
}

START_TEST (where_mappings_are_used_up_memory_is_moved_no_more)
{
  struct child child;

  open_and_trim ();
  child = child_run (take_without_mappings, NULL);
  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

START_TEST (trimmed_slabs_lose_their_contents_and_serve_again)
{
  size_t bytes = sy_class_slab_bytes (CLASS);

  open_and_trim ();

  uint32_t chain = take_chain (CLASS, 8);

  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
    memset (sy_region_address (slab), 0x5a, bytes);
  sy_region_give (chain, 8);
  ck_assert_uint_eq (sy_region_trim (), 8 * bytes);
  ck_assert_uint_eq (sy_region_trim (), 0);
  chain = take_chain (CLASS, 8);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
    for (size_t offset = 0; offset < bytes; offset += 512)
      test_must (sy_region_address (slab)[offset] == 0, "byte %zu of slab %u", offset, slab);
  sy_region_give (chain, 8);
}
END_TEST

START_TEST (a_slab_is_touched_until_its_pages_are_gone)
{
  uint32_t slab;

  open_and_trim ();
  slab = sy_region_take (CLASS);
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);
  sy_slab_at (slab)->touched = 5;
  sy_region_give (slab, 1);
  ck_assert_uint_eq (sy_region_take (CLASS), slab);
  ck_assert_msg (sy_slab_at (slab)->touched == 5, "its pages were there all the time");
  sy_region_give (slab, 1);
  (void) sy_region_trim ();
  ck_assert_uint_eq (sy_region_take (CLASS), slab);
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);

  /* Reaping gives them back as trimming does. */
  sy_slab_at (slab)->touched = 5;
  sy_region_give (slab, 1);
  sy_region_reap (later_ns ());
  sy_region_reap (later_ns ());
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  ck_assert_uint_eq (sy_region_take (CLASS), slab);
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);
  sy_region_give (slab, 1);
}
END_TEST

/* A whole reaping, if one is due; where a step was not enough the time moves on. */
static void
reap_whole (uint64_t *now_ns)
{
  do
    {
      sy_region_reap (*now_ns);
      *now_ns += (uint64_t) 1 << 20;
    }
  while (sy_region_reap_is_due (*now_ns));
}

START_TEST (reaping_gives_back_what_nobody_needed_for_a_while)
{
  size_t bytes = sy_class_slab_bytes (CLASS);

  open_and_trim ();

  uint64_t now_ns = later_ns ();

  reap_whole (&now_ns);
  sy_region_give (take_chain (CLASS, 7), 7);
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_msg (sy_region_spare_bytes () == 7 * bytes, "they came within the time");
  sy_region_reap (now_ns + SY_REAP_NS - SY_REAP_NS / 50);
  ck_assert_msg (sy_region_spare_bytes () == 7 * bytes, "the time is not up");

  uint32_t chain = take_chain (CLASS, 3);

  sy_region_give (chain, 3);
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_msg (sy_region_spare_bytes () == 3 * bytes, "three were needed, four not");
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  (void) later_ns ();
}
END_TEST

START_TEST (reaping_is_done_in_bounded_steps)
{
  unsigned classes[] = { CLASS, OTHER }, count[2], units, steps = 1;
  uint32_t chain[2];
  size_t held, left;

  open_and_trim ();
  units = (uint32_t) 1 << sy_region.zone_shift >= 1024 ? 512 : 128; /* short zones: 32 bits */
  for (unsigned at = 0; at < 2; at++)
    {
      count[at] = slabs_for (classes[at], units);
      chain[at] = take_chain (classes[at], count[at]);
      for (uint32_t slab = chain[at]; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
        memset (sy_region_address (slab), 1, sy_class_slab_bytes (classes[at]));
    }
  for (unsigned at = 0; at < 2; at++)
    sy_region_give (chain[at], count[at]);
  held = sy_region_spare_bytes ();
  ck_assert_uint_ge (held, 2 * units * SY_UNIT_BYTES);

  uint64_t now_ns = later_ns ();

  reap_whole (&now_ns);
  ck_assert_msg (sy_region_spare_bytes () == held, "they came within the time");
  now_ns += SY_REAP_NS;
  sy_region_reap (now_ns);
  left = sy_region_spare_bytes ();
  ck_assert_uint_lt (left, held);
  ck_assert_uint_gt (left, 0);
  ck_assert (!sy_region_reap_is_due (now_ns));
  sy_region_reap (now_ns);
  ck_assert_msg (sy_region_spare_bytes () == left, "not at once");
  for (; sy_region_spare_bytes () != 0; steps++)
    {
      now_ns += (uint64_t) 1 << 20;
      ck_assert (sy_region_reap_is_due (now_ns));
      sy_region_reap (now_ns);
    }
  ck_assert_uint_gt (steps, 2);
  (void) later_ns ();
}
END_TEST

/* A caller that asked for the time before another thread stepped begins nothing. */
START_TEST (a_clock_that_is_behind_begins_no_reaping)
{
  uint64_t now_ns;

  open_and_trim ();
  now_ns = later_ns ();
  reap_whole (&now_ns);
  sy_region_give (take_chain (CLASS, 7), 7);
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_uint_eq (sy_region_spare_bytes (), 7 * sy_class_slab_bytes (CLASS));
  ck_assert (!sy_region_reap_is_due (now_ns - 4000000));
  sy_region_reap (now_ns - 4000000);
  ck_assert_uint_eq (sy_region_spare_bytes (), 7 * sy_class_slab_bytes (CLASS));
  (void) sy_region_trim ();
  (void) later_ns ();
}
END_TEST

/* Growth is counted by what has memory: not when slabs that have it serve again, nor by what goes back. */
START_TEST (growth_is_told_each_time_that_memory_grows_by_a_share)
{
  unsigned few = slabs_for (CLASS, SY_GROWTH_UNITS), many = slabs_for (CLASS, SY_WORD_BITS == 64 ? 64 * SY_GROWTH_UNITS : 12 * SY_GROWTH_UNITS);
  uint32_t chain;
  AO_t before;

  open_and_trim ();
  sy_region_give (take_chain (CLASS, few), few);
  (void) sy_region_trim ();
  before = AO_load (&sy_region.growths);
  chain = take_chain (CLASS, few);
  ck_assert_uint_eq (AO_load (&sy_region.growths), before + 1);
  sy_region_give (chain, few);
  for (unsigned round = 0; round < 5; round++)
    sy_region_give (take_chain (CLASS, few), few);
  ck_assert_uint_eq (AO_load (&sy_region.growths), before + 1);

  /* A slab of another class goes back for every few that are taken, and growth is told all the same: by a share of what there is. */
  uint32_t others = take_chain (OTHER, 4 * SY_GROWTH_UNITS);

  sy_region_give (others, 4 * SY_GROWTH_UNITS);
  before = AO_load (&sy_region.growths);
  chain = take_chain (CLASS, many);
  ck_assert_uint_ge (AO_load (&sy_region.growths) - before, SY_WORD_BITS == 64 ? 16 : 4);
  ck_assert_uint_le (AO_load (&sy_region.growths) - before, 64);
  sy_region_give (chain, many);
}
END_TEST

/* ---- Zones that are as short as they can be ---- */

/* Limits on address space, in MiB, under which zones have 8, 64 and 256 units: nothing, 3 and 15 of them may be skipped. */
static const unsigned limit_mib[] = { 64, 1024, 4096 };
#define LIMITS (SY_WORD_BITS == 64 ? 3 : 1)

/* Takes all slabs of a class; each is whole, in its zone and in the range, and writable to its ends. */
static int
take_a_whole_zone (unsigned class)
{
  uint32_t first, units = sy_size_classes[class].units, slab, count = 0, zone_end = (uint32_t) (class + 1) << sy_region.zone_shift;

  (void) sy_region_used (class, &first);
  while ((slab = sy_region_take (class)) != SY_SLAB_NONE)
    {
      char *start = sy_region_address (slab), *last = start + sy_class_slab_bytes (class) - 1;

      if (slab % units != 0 || slab != first + count * units || slab + units > zone_end || !sy_region_has (start) || !sy_region_has (last))
        return 2;
      *start = *last = 1;
      count++;
    }
  if (zone_end > sy_region_unit_count ())
    zone_end = sy_region_unit_count ();
  /* No whole one is left. */
  return first + (count + 1) * units > zone_end && count >= (zone_end - first) / units && count != 0 ? 0 : 3;
}

static int
take_all_zones (void *argument)
{
  rlim_t bytes = (rlim_t) *(const unsigned *) argument << 20;
  struct rlimit limit = { bytes, bytes };
  int status = 0;

  if (setrlimit (RLIMIT_AS, &limit) != 0 || !sy_region_open ())
    return 1;
  for (unsigned class = SY_CLASSES - 1; class > 0 && status == 0; class--)
    {
      status = take_a_whole_zone (class);
      if (status != 0)
        fprintf (stderr, "class %u of %u, zones of %u units", class, SY_CLASSES, 1u << sy_region.zone_shift);
    }
  return status;
}

START_TEST (a_short_zone_is_used_to_its_last_whole_slab)
{
  struct child child;

  if (TEST_SANITIZED || sy_region.bytes != 0)
    return; /* no limit holds for a sanitizer's own memory; and the range is opened once in a process */
  child = child_run (take_all_zones, (void *) (uintptr_t) &limit_mib[_i]);
  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

START_TEST (a_busy_region_is_not_reaped)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, 5), 5);
  sy_region_reap (later_ns ());
  sy_lock_take (sy_region_lock ());
  sy_region_reap (later_ns ()); /* would wait for ever */
  sy_lock_release (sy_region_lock ());
  ck_assert_uint_eq (sy_region_spare_bytes (), 5 * sy_class_slab_bytes (CLASS));
}
END_TEST

/* ---- Many threads ---- */

#define THREADS 4
/* 48 MiB of the longest slabs; a zone has 16 MiB on 32 bits. */
#define HELD (SY_WORD_BITS == 64 ? 24u : 6u)

static unsigned hammered;  /* the class */

static void *
take_and_give (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  size_t last = sy_class_slab_bytes (hammered) - sizeof argument;
  uint32_t held[24];
  unsigned count = 0;

  for (unsigned step = 0; step < (TEST_SANITIZED ? 1500 : 6000); step++)
    {
      if (count == 0 || (count < HELD && test_random_below (&random, 2)))
        {
          uint32_t slab = sy_region_take (hammered);

          test_must (slab != SY_SLAB_NONE, "out of slabs");
          memcpy (sy_region_address (slab), &argument, sizeof argument);
          memcpy (sy_region_address (slab) + last, &argument, sizeof argument);
          held[count++] = slab;
        }
      else
        {
          uint32_t slab = held[--count];

          test_must (memcmp (sy_region_address (slab), &argument, sizeof argument) == 0, "a slab in two hands, or cleaned in use");
          test_must (memcmp (sy_region_address (slab) + last, &argument, sizeof argument) == 0, "the same");
          sy_region_give (slab, 1);
        }
      if (step % 64 == 0)
        sy_region_reap (sy_os_now_ns ());
      if (step % 1000 == 0)
        (void) sy_region_trim ();
    }
  while (count != 0)
    sy_region_give (held[--count], 1);
  return NULL;
}

START_TEST (threads_never_share_a_slab_and_lose_none)
{
  open_and_trim ();
  hammered = CLASS;
  in_threads (THREADS, take_and_give, 1);

  /* fresh + in use + spare + clean == all: every slab that was ever used can be had before a fresh one. */
  uint32_t used = used_of (CLASS), chain = take_chain (CLASS, used);

  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, used);
  chain = take_chain (CLASS, used);
  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, used);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("region");
  TCase *tests = test_case (suite, "slabs", 20), *threads = test_case (suite, "threads", 60);

  tcase_add_test (tests, a_range_that_is_not_open_owns_nothing);
  tcase_add_loop_test (tests, a_short_zone_is_used_to_its_last_whole_slab, 0, LIMITS);
  tcase_add_test (tests, the_range_is_opened_once);
  tcase_add_test (tests, the_range_ends_where_it_ends);
  tcase_add_test (tests, first_slabs_of_the_classes_are_spread_over_all_sets);
  tcase_add_test (tests, every_byte_of_a_slab_is_in_it_and_the_next_one_is_not);
  tcase_add_loop_test (tests, slabs_are_distinct_writable_and_counted, 0, LENGTHS);
  tcase_add_loop_test (tests, slabs_given_back_are_taken_before_fresh_ones, 0, LENGTHS);
  tcase_add_loop_test (tests, memory_that_waits_for_one_class_goes_back_for_what_another_takes, 0, LENGTHS);
  tcase_add_test (tests, memory_goes_back_of_the_class_with_the_most_units_that_wait);
  tcase_add_loop_test (tests, memory_that_waits_for_one_class_is_moved_to_slabs_as_long_of_another, 0, LENGTHS);
  if (!TEST_SANITIZED && SY_WORD_BITS == 64)
    {
      tcase_add_test (tests, moved_memory_takes_few_mappings_and_leaves_none);
      tcase_add_test (tests, where_mappings_are_used_up_memory_is_moved_no_more);
    }
  tcase_add_loop_test (tests, a_slab_is_touched_until_its_pages_are_gone, 0, LENGTHS);
  tcase_add_loop_test (tests, trimmed_slabs_lose_their_contents_and_serve_again, 0, LENGTHS);
  tcase_add_loop_test (tests, reaping_gives_back_what_nobody_needed_for_a_while, 0, LENGTHS);
  tcase_add_loop_test (tests, reaping_is_done_in_bounded_steps, 0, LENGTHS);
  tcase_add_loop_test (tests, growth_is_told_each_time_that_memory_grows_by_a_share, 0, LENGTHS);
  tcase_add_loop_test (tests, a_clock_that_is_behind_begins_no_reaping, 0, LENGTHS);
  tcase_add_loop_test (tests, a_busy_region_is_not_reaped, 0, LENGTHS);
  tcase_add_loop_test (threads, threads_never_share_a_slab_and_lose_none, 0, LENGTHS);
  return test_run (suite);
}
