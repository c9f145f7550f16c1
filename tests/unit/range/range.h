/* SPDX-License-Identifier: MIT */
/*
 * range.h: what the parts of the test of the range and its units share.
 *
 * The same files make two programs.  In the second one the range is a reservation (TEST_RESERVED).
 * Each test leaves a range in which all is free.
 */
#ifndef SY_TEST_RANGE_H
#define SY_TEST_RANGE_H

#include <string.h>

#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"
#include "pages/dirty.h"
#include "unit/child.h"
#include "unit/places.h"

#ifndef TEST_RESERVED
# define TEST_RESERVED 0
#endif

/* Does this program's range grow in a place, where others' mappings may be in the way? */
#define IN_PLACE (HAS_PLACES && !TEST_RESERVED)

#define RUNS_MAX 1200

/* Opens the range; all of it is free, and none of that has memory. */
static inline void
begin (void)
{
  ck_assert (sy_range_open ());
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_range_runs.used, 0);
  ck_assert_uint_eq (sy_range_runs.edge, 0);
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
  ck_assert (sy_units_are_valid ());
}

static inline uint32_t
dirty_units (void)
{
  return (uint32_t) (sy_dirty_bytes () >> SY_UNIT_SHIFT);
}

/* A run, dirty if there is such a one. */
static inline uint32_t
take (uint32_t count)
{
  bool zero;
  uint32_t first = sy_units_take (count, SY_MEMORY_ANY, &zero);

  test_must (first != SY_UNIT_NONE, "no run of %u units", count);
  return first;
}

/* The same, and says whether it is known to be zero. */
static inline uint32_t
take_as (uint32_t count, bool may_be_dirty, bool zero_expected)
{
  bool zero = !zero_expected;
  uint32_t first = sy_units_take (count, may_be_dirty ? SY_MEMORY_ANY : SY_MEMORY_NONE, &zero);

  ck_assert_uint_ne (first, SY_UNIT_NONE);
  ck_assert_int_eq (zero, zero_expected);
  return first;
}

static inline void
give (uint32_t first)
{
  sy_units_give (first, 1);
}

/* Gives back runs as a chain, in their order. */
static inline void
give_all (const uint32_t *first, unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    sy_range_unit (first[at])->next = at + 1 == count ? SY_UNIT_NONE : first[at + 1];
  if (count != 0)
    sy_units_give (first[0], count);
}

/* Takes runs of a length that no free run is as long as, with used ones of a unit between them, so
   that none of them joins another when they are free. */
struct apart
{
  uint32_t first[RUNS_MAX], wall[RUNS_MAX];
  unsigned count;
};

static inline void
take_apart (struct apart *apart, unsigned count, uint32_t length)
{
  apart->count = count;
  for (unsigned at = 0; at < count; at++)
    {
      apart->first[at] = take (length);
      apart->wall[at] = take (1);
    }
}

static inline void
give_walls (const struct apart *apart)
{
  give_all (apart->wall, apart->count);
}

/* Takes 64 runs of the length, dirty ones if there are such, or gives them back. */
struct runs_64
{
  uint32_t first[64];
};

static inline void
take_64 (struct runs_64 *some, uint32_t length)
{
  for (unsigned at = 0; at < 64; at++)
    some->first[at] = take (length);
}

static inline void
give_64 (const struct runs_64 *some)
{
  for (unsigned at = 0; at < 64; at++)
    give (some->first[at]);
}

static inline void
take_and_give_64 (uint32_t length, unsigned rounds)
{
  struct runs_64 some;

  for (; rounds != 0; rounds--)
    {
      take_64 (&some, length);
      give_64 (&some);
    }
}

static inline char *
run_end (uint32_t first)
{
  return sy_range_address (first + sy_range_unit (first)->length);
}

static inline void
fill (uint32_t first, int byte)
{
  memset (sy_range_address (first), byte, (size_t) (run_end (first) - sy_range_address (first)));
}

/* Is each byte of these units this one? */
static inline bool
units_are (uint32_t first, uint32_t count, int byte)
{
  const char *start = sy_range_address (first);

  return start[0] == (char) byte
         && memcmp (start, start + 1, ((size_t) count << SY_UNIT_SHIFT) - 1) == 0;
}

/* How far the range reaches, with what it jumped over. */
static inline size_t
extent (void)
{
  return AO_load (&sy_range.granules) << SY_GRANULE_SHIFT;
}

/* How many lines of /proc/self/maps the range has, as far as the book has used it. */
static inline unsigned
lines (void)
{
  const char *first, *last;

  return lines_in ((char *) sy_range.base, extent (), &first, &last);
}

/* Each adds a case.  Some facts of the first two are those of a process without a range so far. */
void range_add_short (Suite *suite);
void range_add_map (Suite *suite);
void range_add_taking (Suite *suite);
void range_add_changing (Suite *suite);
void range_add_waiting (Suite *suite);
void range_add_purging (Suite *suite);
void range_add_moving (Suite *suite);
void range_add_huge (Suite *suite);
void range_add_ahead (Suite *suite);
void range_add_growing (Suite *suite);
void range_add_foreign (Suite *suite);
void range_add_threads (Suite *suite);

#endif
