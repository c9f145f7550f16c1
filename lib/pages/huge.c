/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/huge.h"

#include "base/os.h"
#include "pages/mappings.h"
#include "pages/range.h"

static AO_t mode;           /* enum sy_huge */

/* What is known of how the program uses new memory.  Under the lock. */
static struct {
  uint32_t small[2];        /* the last two places of 2 MiB with small pages; SY_UNIT_NONE */
  uint32_t proofs;          /* so many looks in a row found one in memory */
  uint32_t wishes;          /* so many times was a huge page worth it */
} known = { .small = { SY_UNIT_NONE, SY_UNIT_NONE } };

void
sy_huge_set (enum sy_huge when)
{
  AO_store (&mode, when);
}

enum sy_huge
sy_huge_when (void)
{
  return (enum sy_huge) AO_load (&mode);
}

/* ---- Places of 2 MiB ---- */

/* The unit at which the 2 MiB begin that the unit lies in.  Below 0: before the range. */
static int64_t
place_of (uint32_t unit)
{
  uintptr_t number = (uintptr_t) sy_range_address (unit) >> SY_UNIT_SHIFT;

  return (int64_t) unit - (int64_t) (number & (SY_HUGE_UNITS - 1));
}

static bool
is_huge (int64_t place)
{
  return place >= 0 && sy_range_unit ((uint32_t) place)->huge != 0;
}

static uint32_t
run_end (uint32_t first)
{
  return first + sy_range_unit (first)->length;
}

bool
sy_huge_has (uint32_t first)
{
  for (int64_t place = place_of (first); place < run_end (first); place += SY_HUGE_UNITS)
    if (is_huge (place))
      return true;
  return false;
}

bool
sy_huge_forget (uint32_t first)
{
  bool any = false;

  for (int64_t place = place_of (first); place < run_end (first); place += SY_HUGE_UNITS)
    if (is_huge (place))
      {
        sy_range_unit ((uint32_t) place)->huge = 0;
        any = true;
      }
  return any;
}

uint32_t
sy_huge_forget_one (uint32_t unit)
{
  int64_t place = place_of (unit);

  if (!is_huge (place))
    return SY_UNIT_NONE;
  sy_range_unit ((uint32_t) place)->huge = 0;
  return (uint32_t) place;
}

bool
sy_huge_leave_parts (uint32_t *from, uint32_t *end)
{
  int64_t head = place_of (*from), tail = place_of (*end - 1), low = *from, high = *end;

  if (is_huge (head) && (head < low || head + SY_HUGE_UNITS > high))
    low = head + SY_HUGE_UNITS;
  if (is_huge (tail) && tail + SY_HUGE_UNITS > high)
    high = tail;
  if (low >= high)
    return false;
  *from = (uint32_t) low;
  *end = (uint32_t) high;
  return true;
}

uint32_t
sy_huge_start (uint32_t unit)
{
  int64_t place = place_of (unit);

  return is_huge (place) ? (uint32_t) place : unit;
}

/* ---- Is a huge page worth it? ---- */

/* Is most of it in memory? */
static bool
is_filled (uint32_t place)
{
  char *start = sy_range_address (place);
  size_t there = 0;

  for (size_t at = 0; at < SY_HUGE_PAGE_BYTES; at += SY_RESIDENT_BYTES)
    {
      size_t part;

      there += sy_os_ask_resident (start + at, SY_RESIDENT_BYTES, &part) ? part : 0;
    }
  return there >= SY_HUGE_PAGE_BYTES / SY_AHEAD_PARTS * SY_AHEAD_FILLED;
}

/* Looks at the last place but one that has small pages: the last one may not be used up yet. */
static void
look_back (void)
{
  uint32_t place = known.small[1];

  known.small[1] = known.small[0];
  known.small[0] = SY_UNIT_NONE;
  if (place == SY_UNIT_NONE)
    return;
  if (place + SY_HUGE_UNITS <= sy_range_runs.edge && is_filled (place))
    known.proofs++;
  else
    known.proofs = 0;
}

/* Shall the next new 2 MiB be a huge page?  Of those that may, not all are. */
static bool
is_worth_it (uint32_t place)
{
  uint32_t has = sy_range_runs.used + sy_range_runs.dirty;
  enum sy_huge when = sy_huge_when ();

  if (when != SY_HUGE_AUTO || has < SY_AHEAD_UNITS / 2)
    return when == SY_HUGE_ALWAYS && sy_mappings_may_add ();
  look_back ();
  if (has >= SY_AHEAD_UNITS && known.proofs >= SY_AHEAD_PROOFS
      && known.wishes++ % SY_HUGE_PROBES != SY_HUGE_PROBES - 1 && sy_mappings_may_add ())
    return true;
  known.small[0] = place;
  return false;
}

uint32_t
sy_huge_ahead (uint32_t first, uint32_t count, uint32_t room)
{
  int64_t place = place_of (first);

  if (place < first)
    place += SY_HUGE_UNITS;
  /* Longer runs are large blocks, which ask for themselves. */
  if (count >= SY_HUGE_UNITS || place >= (int64_t) first + count
      || place + SY_HUGE_UNITS > (int64_t) first + room)
    return 0;
  return is_worth_it ((uint32_t) place) ? (uint32_t) place + SY_HUGE_UNITS - first - count : 0;
}

bool
sy_huge_ask (uint32_t page)
{
  char *start = sy_range_address (page);
  size_t small = sy_os_page_bytes (), there;

  if (!sy_os_ask_huge (start, SY_HUGE_PAGE_BYTES))
    return false;
  /* The first page that is written to tells: with a huge page the last one is there too. */
  *(volatile char *) start = 0;
  return sy_os_ask_resident (start + SY_HUGE_PAGE_BYTES - small, small, &there) && there != 0;
}

void
sy_huge_note (uint32_t page, bool given)
{
  sy_range_unit (page)->huge = given;
  /* The system has none now.  After some more looks it is asked again. */
  if (!given)
    known.proofs = 0;
}
