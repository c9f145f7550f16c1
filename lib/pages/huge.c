/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/huge.h"

#include "base/os.h"
#include "pages/mappings.h"
#include "pages/range.h"

static AO_t mode;           /* enum sy_huge */

static AO_t pages;          /* how many entries say that there is a page */
static AO_t due;            /* one more than the place to be looked at; 0: none */

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

static unsigned
page_at (int64_t place)
{
  return place >= 0 ? sy_range_unit ((uint32_t) place)->huge : SY_PAGE_NONE;
}

static bool
is_huge (int64_t place)
{
  return page_at (place) == SY_PAGE_WHOLE;
}

/* Under the lock. */
static void
set_page (uint32_t place, unsigned page)
{
  struct sy_unit *unit = sy_range_unit (place);

  AO_store (&pages, AO_load (&pages) + (page != SY_PAGE_NONE) - (unit->huge != SY_PAGE_NONE));
  unit->huge = page & 3;
}

static uint32_t
run_end (uint32_t first)
{
  return first + sy_range_unit (first)->length;
}

bool
sy_huge_are_any (void)
{
  return AO_load (&pages) != 0;
}

bool
sy_huge_has (uint32_t first)
{
  if (!sy_huge_are_any ())
    return false;
  for (int64_t place = place_of (first); place < run_end (first); place += SY_HUGE_UNITS)
    if (is_huge (place))
      return true;
  return false;
}

bool
sy_huge_forget (uint32_t first)
{
  uint32_t end = run_end (first);
  bool any = false;

  if (!sy_huge_are_any ())
    return false;
  for (int64_t place = place_of (first); place < end; place += SY_HUGE_UNITS)
    if (page_at (place) != SY_PAGE_NONE)
      {
        bool is_part = place < first || place + SY_HUGE_UNITS > end;

        if (is_part && is_huge (place))
          (void) sy_mappings_add (2);
        set_page ((uint32_t) place, is_part ? SY_PAGE_BROKEN : SY_PAGE_NONE);
        any = true;
      }
  return any;
}

bool
sy_huge_forget_used (uint32_t first)
{
  const struct sy_unit *unit = sy_range_unit (first);

  return (unit->length < SY_HUGE_UNITS || unit->fresh != unit->length) && sy_huge_forget (first);
}

uint32_t
sy_huge_break (uint32_t unit)
{
  int64_t place = place_of (unit);

  if (!is_huge (place))
    return SY_UNIT_NONE;
  (void) sy_mappings_add (2);
  set_page ((uint32_t) place, SY_PAGE_BROKEN);
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

void
sy_huge_look (void)
{
  AO_t at = AO_load (&due);
  bool filled;

  if (at == 0 || !AO_compare_and_swap (&due, at, 0))
    return;
  filled = is_filled ((uint32_t) at - 1);
  sy_lock_take (&sy_range_lock);
  known.proofs = filled ? known.proofs + 1 : 0;
  sy_lock_release (&sy_range_lock);
}

/* A new place has been reached.  Of those with small pages the last but one is to be looked at: the
   last one may not be used up yet. */
static void
come_to (void)
{
  uint32_t place = known.small[1];

  known.small[1] = known.small[0];
  known.small[0] = SY_UNIT_NONE;
  if (place != SY_UNIT_NONE && !is_huge (place) && place + SY_HUGE_UNITS <= sy_range_runs.edge)
    AO_store (&due, place + 1);
}

/* Shall the next new 2 MiB be a huge page?  Of those that may, not all are. */
static bool
is_worth_it (uint32_t place)
{
  uint32_t has = sy_range_runs.used + sy_range_runs.dirty;
  enum sy_huge when = sy_huge_when ();

  if (when != SY_HUGE_AUTO || has < SY_AHEAD_UNITS / 2)
    return when == SY_HUGE_ALWAYS && sy_mappings_add (1);
  come_to ();
  if (has >= SY_AHEAD_UNITS && known.proofs >= SY_AHEAD_PROOFS
      && known.wishes++ % SY_HUGE_PROBES != SY_HUGE_PROBES - 1 && sy_mappings_add (1))
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

/* Writes to the first page of 2 MiB without memory.  With a huge page the last one is there
   then. */
static bool
is_given (char *start)
{
  size_t small = sy_os_page_bytes (), there;

  *(volatile char *) start = 0;
  return sy_os_ask_resident (start + SY_HUGE_PAGE_BYTES - small, small, &there) && there != 0;
}

bool
sy_huge_ask (uint32_t page)
{
  char *start = sy_range_address (page);

  sy_mappings_look ();
  /* Where small pages were, Linux still has a table for them, and so gives none before the place is
     mapped anew.  If it gives none then either, it must not do so later. */
  for (unsigned tries = 0; tries < 2; tries++)
    {
      if (!sy_os_ask_huge (start, SY_HUGE_PAGE_BYTES))
        return false;
      if (is_given (start))
        return true;
      if (!sy_os_map_over (start, SY_HUGE_PAGE_BYTES))
        {
          sy_os_refuse_huge (start, SY_HUGE_PAGE_BYTES);
          return false;
        }
    }
  return false;
}

void
sy_huge_note (uint32_t page, bool given)
{
  set_page (page, given ? SY_PAGE_WHOLE : SY_PAGE_NONE);
  /* The system has none now.  After some more looks it is asked again. */
  if (!given)
    known.proofs = 0;
}
