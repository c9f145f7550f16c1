/* SPDX-License-Identifier: MIT */
/* foreign.c: another's mappings in the way of a range that grows. */
#include <config.h>

#include <errno.h>

#include "range.h"

#define TAG (77u << SY_TAG_SHIFT)
#define FOREIGNERS 20

static struct foreign foreigners[FOREIGNERS];
static unsigned foreigner_count;

/* Maps something so many units behind the range's end. */
static struct foreign *
add_foreigner (size_t distance, size_t units)
{
  struct foreign *foreign = &foreigners[foreigner_count++];

  *foreign = foreign_map ((char *) sy_range.base + extent () + distance * SY_UNIT_BYTES,
                          units * SY_UNIT_BYTES);
  return foreign;
}

static bool
overlap (const struct foreign *foreign, uint32_t first)
{
  return run_end (first) > foreign->start
         && sy_range_address (first) < foreign->start + foreign->bytes;
}

/* Takes a run, which is the caller's alone, and marks and fills it. */
static uint32_t
take_ours (uint32_t length)
{
  uint32_t first = take (length);

  for (unsigned at = 0; at < foreigner_count; at++)
    require (!overlap (&foreigners[at], first), "unit %u is another's", first);
  sy_range_mark (first, length, TAG ^ 3);
  fill (first, 0x5a);
  return first;
}

static void
give_ours (uint32_t first)
{
  uint32_t length = sy_range_unit (first)->length;

  require (units_are (first, length, 0x5a), "the %u units from %u on have changed", length, first);
  sy_range_mark (first, length, 0);
  give (first);
}

/* All of the foreigners are intact, and nobody's. */
static void
foreigners_must_be_well (void)
{
  for (unsigned at = 0; at < foreigner_count; at++)
    {
      struct foreign *foreign = &foreigners[at];

      require (foreign_is_intact (foreign), "foreigner %u has changed", at);
      for (size_t byte = 0; byte < foreign->bytes; byte += SY_UNIT_BYTES)
        require (sy_range_kind (TAG, foreign->start + byte) >= 1u << SY_TAG_SHIFT,
                 "the range takes foreigner %u for its own", at);
    }
  require (sy_units_are_valid (), "the book is not valid");
}

/* How many units below the edge the book has in a state. */
static uint32_t
units_in (enum sy_run_state state)
{
  uint32_t units = 0;

  for (uint32_t at = 0; at < sy_range_runs.edge; at += sy_range_unit (at)->length)
    units += sy_range_unit (at)->state == state ? sy_range_unit (at)->length : 0;
  return units;
}

/* All that was ever mapped is free; what was jumped over is not the range's. */
static void
all_must_be_free (uint32_t foreign_units)
{
  (void) sy_dirty_purge ();
  require (sy_range_runs.used == 0 && sy_range_runs.dirty == 0, "%u units are used",
           sy_range_runs.used);
  require (units_in (SY_RUN_DETACHED) == foreign_units, "%u units are lost, not %u",
           units_in (SY_RUN_DETACHED), foreign_units);
  foreigners_must_be_well ();
}

/* ---- The edge jumps ---- */

static int
jump_over (void *length)
{
  uint32_t run[200], end, over, before = (begin (), take_ours (40));
  struct foreign *foreign = add_foreigner (0, (size_t) (uintptr_t) length);
  unsigned count = 0;

  require (!sy_range_has (foreign->start), "what is behind the end is the range's");
  end = (uint32_t) (extent () >> SY_UNIT_SHIFT);
  errno = 77;
  /* What was mapped serves to the end ... */
  while (sy_range_runs.edge != end)
    run[count++] = take_ours (1);
  run[count++] = take_ours (7);
  require (errno == 77, "errno %d", errno);
  require (sy_range_address (run[count - 1]) >= foreign->start + foreign->bytes, "no jump");
  over = run[count - 1] - end;
  foreigners_must_be_well ();
  require (extent () - sy_range_bytes () == over * SY_UNIT_BYTES, "another's count as mapped");
  require (lines () >= 3, "%u mappings", lines ());
  /* ... and grows on behind. */
  for (unsigned at = 0; at < 100; at++)
    run[count++] = take_ours (3);
  foreigners_must_be_well ();
  give_ours (before);
  while (count != 0)
    give_ours (run[--count]);
  all_must_be_free (over);
  return 0;
}

START_TEST (the_edge_jumps_over_what_is_in_the_way)
{
  static const unsigned units[] = { 1, 32, 33, 80 };
  struct child child = child_run (jump_over, (void *) (uintptr_t) units[_i]);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* What is left before the foreigner is too short for the run that made the edge jump. */
static int
use_what_is_left (void *argument)
{
  uint32_t before = (begin (), take_ours (2)), end, left, run, small[64];
  struct foreign *foreign = add_foreigner (0, 2);

  (void) argument;
  end = (uint32_t) (extent () >> SY_UNIT_SHIFT);
  left = end - sy_range_runs.edge;
  require (left != 0 && left < 64, "%u units are left", left);
  run = take_ours (left + 1);
  require (sy_range_address (run) >= foreign->start + foreign->bytes, "no jump");
  for (uint32_t at = 0; at < left; at++)
    {
      small[at] = take_ours (1);
      require (small[at] < end, "unit %u, before %u were used", small[at], end);
    }
  for (uint32_t at = 0; at < left; at++)
    give_ours (small[at]);
  give_ours (before);
  give_ours (run);
  all_must_be_free (run - end);
  return 0;
}

START_TEST (no_unit_is_lost_that_was_mapped_before_the_jump)
{
  struct child child = child_run (use_what_is_left, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* There is less room than a step, and just enough for what is asked. */
static int
fill_the_room (void *argument)
{
  uint32_t before = (begin (), take_ours (1)), end, run;

  (void) argument;
  (void) add_foreigner (1, 1);
  end = (uint32_t) (extent () >> SY_UNIT_SHIFT) + 1;
  run = take_ours (end - sy_range_runs.edge);
  require (run + sy_range_unit (run)->length == end, "the run ends at %u, not %u",
           run + sy_range_unit (run)->length, end);
  require (run_end (run) == foreigners[0].start, "there is room left");
  foreigners_must_be_well ();
  give_ours (before);
  give_ours (run);
  all_must_be_free (0);
  return 0;
}

START_TEST (the_range_grows_up_to_what_is_in_the_way)
{
  struct child child = child_run (fill_the_room, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

static int
extend_before_a_foreigner (void *argument)
{
  uint32_t run = (begin (), take_ours (2)), end, other;

  (void) argument;
  (void) add_foreigner (0, 1);
  end = (uint32_t) (extent () >> SY_UNIT_SHIFT);
  require (sy_units_extend (run, 1000, 0) == 0, "it grew over the foreigner");
  require (sy_range_unit (run)->length == 2, "it has grown");
  foreigners_must_be_well ();
  require (sy_units_extend (run, end - run - 2, 0) == end - run - 2, "it does not grow to the end");
  require (run_end (run) == foreigners[0].start, "it ends elsewhere");
  require (sy_units_extend (run, 1, 0) == 0, "it grew over the foreigner");
  fill (run, 0x5a);
  other = take_ours (20);
  require (sy_range_address (other) > foreigners[0].start, "no jump");
  give_ours (run);
  give_ours (other);
  all_must_be_free (units_in (SY_RUN_DETACHED));
  return 0;
}

START_TEST (a_run_does_not_grow_over_what_is_in_the_way)
{
  struct child child = child_run (extend_before_a_foreigner, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* ---- Any number of them ---- */

/* Has the range jumped over all of them? */
static bool
foreigners_are_behind (void)
{
  return foreigner_count == 0 || sy_range_has (foreigners[foreigner_count - 1].start);
}

/* Takes one unit more than is mapped behind the edge. */
static void
grow_the_range (void)
{
  uint32_t left = (uint32_t) (extent () >> SY_UNIT_SHIFT) - sy_range_runs.edge, run;
  bool zero;

  run = sy_units_take (left + 1, SY_MEMORY_NONE, &zero);
  require (run != SY_UNIT_NONE && zero, "no %u units", left + 1);
  for (unsigned at = 0; at < foreigner_count; at++)
    require (!overlap (&foreigners[at], run), "unit %u is another's", run);
  give (run);
}

static int
live_among_foreigners (void *argument)
{
  struct test_random random = test_random_make (6);
  uint32_t run[300], detached;
  unsigned count = 0;

  (void) argument;
  begin ();
  for (unsigned step = 0; step < 6000; step++)
    {
      if (step % 250 == 100 && foreigner_count < FOREIGNERS && foreigners_are_behind ())
        (void) add_foreigner (test_random_below (&random, 40), 1 + test_random_below (&random, 50));
      if (count < 300 && (count == 0 || test_random_below (&random, 5) < 3))
        run[count++] = take_ours (1 + (uint32_t) test_random_below (&random, 12));
      else
        {
          unsigned at = (unsigned) test_random_below (&random, count);

          give_ours (run[at]);
          run[at] = run[--count];
        }
      if (step % 500 == 0)
        {
          (void) sy_dirty_purge ();
          foreigners_must_be_well ();
        }
      if (step % 250 == 249)
        grow_the_range ();
    }
  require (foreigner_count > 5, "%u foreigners", foreigner_count);
  while (count != 0)
    give_ours (run[--count]);
  detached = units_in (SY_RUN_DETACHED);
  require (detached != 0, "no jump");
  all_must_be_free (detached);
  return 0;
}

START_TEST (the_range_and_foreigners_live_side_by_side)
{
  struct child child = child_run (live_among_foreigners, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
range_add_foreign (Suite *suite)
{
  TCase *tests = test_case (suite, "foreign", 20);

  /* In a reservation nothing can be in the way. */
  if (!IN_PLACE)
    return;
  tcase_add_loop_test (tests, the_edge_jumps_over_what_is_in_the_way, 0, 4);
  tcase_add_test (tests, no_unit_is_lost_that_was_mapped_before_the_jump);
  tcase_add_test (tests, the_range_grows_up_to_what_is_in_the_way);
  tcase_add_test (tests, a_run_does_not_grow_over_what_is_in_the_way);
  tcase_add_test (tests, the_range_and_foreigners_live_side_by_side);
}
