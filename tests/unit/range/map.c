/* SPDX-License-Identifier: MIT */
/* map.c: where the range lies and ends, and what its map says. */
#include <config.h>

#include "range.h"

#define TAG (77u << SY_TAG_SHIFT)
#define OTHER_TAG (78u << SY_TAG_SHIFT)

/* In a process of its own: another test may have opened the range of this one. */
static int
ask_before_it_is_open (void *argument)
{
  (void) argument;
  require (sy_range_bytes () == 0, "%zu bytes", sy_range_bytes ());
  require (!sy_range_has (NULL) && !sy_range_has (&argument) && !sy_range_has ((void *) UINTPTR_MAX)
             && sy_range_kind (TAG, &argument) >= 1u << SY_TAG_SHIFT,
           "it has something");
  require (sy_dirty_bytes () == 0 && sy_dirty_purge () == 0 && sy_units_are_valid (),
           "something waits");
  sy_dirty_purge_step (sy_os_now_ns ());
  return 0;
}

START_TEST (a_range_that_is_not_open_owns_nothing)
{
  struct child child;

  ck_assert_msg (sy_range.map == NULL, "to be run first");
  child = child_run (ask_before_it_is_open, NULL);
  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

START_TEST (the_range_is_opened_once)
{
  ck_assert (sy_range_open ());

  uintptr_t base = sy_range.base;
  unsigned int *map = sy_range.map;
  struct sy_unit *top = sy_range_runs.top;

  give (take (3));
  ck_assert (sy_range_open ());
  ck_assert_uint_eq (sy_range.base, base);
  ck_assert_ptr_eq (sy_range.map, map);
  ck_assert_ptr_eq (sy_range_runs.top, top);
  ck_assert_uint_eq (base % SY_UNIT_BYTES, 0);
  ck_assert_uint_eq (sy_dirty_bytes (), 3 * SY_UNIT_BYTES);
}
END_TEST

START_TEST (the_range_ends_where_it_ends)
{
  int local;

  begin ();
  give (take (5));

  char *base = (char *) sy_range.base;
  size_t bytes = sy_range_bytes ();

  ck_assert_uint_ge (bytes, 5 * SY_UNIT_BYTES);
  ck_assert_uint_eq (bytes % SY_UNIT_BYTES, 0);
  ck_assert (sy_range_has (base));
  ck_assert (sy_range_has (base + bytes - 1));
  ck_assert (!sy_range_has (base - 1));
  ck_assert (!sy_range_has (base + bytes));
  ck_assert (!sy_range_has (NULL));
  ck_assert (!sy_range_has ((void *) UINTPTR_MAX));
  ck_assert (!sy_range_has (&local));
  ck_assert_uint_eq (sy_range_unit_of (base + bytes - 1), bytes / SY_UNIT_BYTES - 1);
}
END_TEST

START_TEST (every_byte_of_a_run_is_in_its_units)
{
  begin ();
  for (uint32_t length = 1; length <= 9; length++)
    {
      uint32_t first = take (length);
      char *start = sy_range_address (first);

      ck_assert_uint_eq (sy_range_unit (first)->length, length);
      for (size_t at = 0; at < length * SY_UNIT_BYTES; at += SY_UNIT_BYTES / 2)
        {
          ck_assert (sy_range_has (start + at));
          ck_assert_uint_eq (sy_range_unit_of (start + at), first + at / SY_UNIT_BYTES);
        }
      ck_assert_uint_eq (sy_range_unit_of (start - 1 + length * SY_UNIT_BYTES), first + length - 1);
      ck_assert_uint_eq (sy_range_unit_of (start + length * SY_UNIT_BYTES), first + length);
      give (first);
    }
}
END_TEST

START_TEST (the_map_says_whose_a_unit_is_and_of_which_class)
{
  begin ();

  uint32_t before = take (1), first = take (4), behind = take (1);

  sy_range_mark (first, 4, TAG ^ 9);
  for (uint32_t unit = first; unit < first + 4; unit++)
    {
      char *start = sy_range_address (unit);

      ck_assert_uint_eq (sy_range_kind (TAG, start), 9);
      ck_assert_uint_eq (sy_range_kind (TAG, start + SY_UNIT_BYTES - 1), 9);
      ck_assert_uint_ge (sy_range_kind (OTHER_TAG, start), 1u << SY_TAG_SHIFT);
    }
  ck_assert_uint_ge (sy_range_kind (TAG, sy_range_address (first) - 1), 1u << SY_TAG_SHIFT);
  ck_assert_uint_ge (sy_range_kind (TAG, sy_range_address (first + 4)), 1u << SY_TAG_SHIFT);
  ck_assert_uint_ge (sy_range_kind (TAG, (char *) sy_range.base + sy_range_bytes ()),
                     1u << SY_TAG_SHIFT);
  sy_range_mark (first + 1, 2, 0);
  ck_assert_uint_eq (sy_range_kind (TAG, sy_range_address (first)), 9);
  ck_assert_uint_eq (sy_range_kind (TAG, sy_range_address (first + 1)), TAG);
  ck_assert_uint_eq (sy_range_kind (TAG, sy_range_address (first + 2)), TAG);
  ck_assert_uint_eq (sy_range_kind (TAG, sy_range_address (first + 3)), 9);
  sy_range_mark (first, 4, 0);
  give_all ((uint32_t[]) { before, first, behind }, 3);
}
END_TEST

#define VISITS 100

struct visits
{
  uint32_t unit[VISITS];
  unsigned kind[VISITS], count;
};

static void
visit (void *ctx, uint32_t unit, unsigned kind)
{
  struct visits *visits = ctx;

  test_must (visits->count < VISITS, "too many visits");
  visits->unit[visits->count] = unit;
  visits->kind[visits->count++] = kind;
}

START_TEST (each_run_of_a_tag_is_visited_once)
{
  uint32_t first[30];
  struct visits visits = { .count = 0 };
  unsigned seen = 0;

  begin ();
  /* Of three runs one is the tag's, one another's, and one nobody's. */
  for (unsigned at = 0; at < 30; at++)
    {
      first[at] = take (1 + at % 4);
      sy_range_mark (first[at], 1 + at % 4,
                     at % 3 == 0   ? TAG ^ at
                     : at % 3 == 1 ? OTHER_TAG ^ at
                                   : 0);
    }
  sy_range_each (TAG, visit, &visits);
  ck_assert_uint_eq (visits.count, 10);
  for (unsigned at = 0; at < 30; at += 3)
    for (unsigned other = 0; other < visits.count; other++)
      if (visits.unit[other] == first[at])
        {
          ck_assert_uint_eq (visits.kind[other], at);
          seen++;
        }
  ck_assert_uint_eq (seen, 10);
  for (unsigned at = 0; at < 30; at++)
    sy_range_mark (first[at], 1 + at % 4, 0);
  give_all (first, 30);
  visits.count = 0;
  sy_range_each (TAG, visit, &visits);
  ck_assert_uint_eq (visits.count, 0);
}
END_TEST

void
range_add_map (Suite *suite)
{
  TCase *tests = test_case (suite, "map", 20);

  tcase_add_test (tests, a_range_that_is_not_open_owns_nothing);
  tcase_add_test (tests, the_range_is_opened_once);
  tcase_add_test (tests, the_range_ends_where_it_ends);
  tcase_add_test (tests, every_byte_of_a_run_is_in_its_units);
  tcase_add_test (tests, the_map_says_whose_a_unit_is_and_of_which_class);
  tcase_add_test (tests, each_run_of_a_tag_is_visited_once);
}
