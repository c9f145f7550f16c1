/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/large.h"

#include <string.h>

#include "base/bug.h"
#include "base/os.h"
#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"

/* ---- Sizes ---- */

static size_t
whole (size_t bytes, size_t step)
{
  return bytes == 0 ? step : (bytes + step - 1) & ~(step - 1);
}

/* How many units the bytes need; UINT32_MAX: more than any range has. */
static uint32_t
units_of (size_t bytes)
{
  size_t units = bytes <= (size_t) PTRDIFF_MAX ? whole (bytes, SY_UNIT_BYTES) >> SY_UNIT_SHIFT
                                               : UINT32_MAX;

  return units < UINT32_MAX / 4 ? (uint32_t) units : UINT32_MAX;
}

static uint32_t
pages_of (size_t bytes)
{
  return (uint32_t) (whole (bytes, sy_os_page_bytes ()) / sy_os_page_bytes ());
}

size_t
sy_large_good_size (size_t bytes)
{
  return bytes <= (size_t) PTRDIFF_MAX - SY_UNIT_BYTES ? whole (bytes, sy_os_page_bytes ()) : bytes;
}

/* ---- Huge pages ---- */

/* What is known of how the program uses new large blocks.  Any thread, relaxed: hints. */
static struct {
  AO_t proofs;              /* so many looks in a row found a block that was whole */
  AO_t proven;              /* how many pages the last one of these had */
  AO_t wishes;              /* so many times were huge pages wanted */
  AO_t unit, pages;         /* the last new block without them; pages 0: none, or it is gone */
} known;

/* Do looks at a few places find all of the pages in memory? */
static bool
is_whole (uint32_t first, size_t pages)
{
  char *block = sy_range_address (first);
  size_t page = sy_os_page_bytes (), part = pages / SY_LOOK_PLACES, there;

  part = part < SY_LOOK_PAGES ? part : SY_LOOK_PAGES;
  for (size_t place = 0; place < SY_LOOK_PLACES; place++)
    {
      size_t at = (pages - part) / (SY_LOOK_PLACES - 1) * place;

      if (part == 0 || !sy_os_ask_resident (block + at * page, part * page, &there)
          || there != part * page)
        return false;
    }
  return true;
}

/* Looks at a block, and takes it as a proof if it is whole, and as one against if that counts. */
static void
look (uint32_t first, size_t pages, bool counts_against)
{
  if (is_whole (first, pages))
    {
      AO_store (&known.proofs, AO_load (&known.proofs) + 1);
      AO_store (&known.proven, pages);
    }
  else if (counts_against)
    AO_store (&known.proofs, 0);
}

/* A block is given back: looks at it if it had no memory when it was taken, and small pages
   since. */
static void
note_use (uint32_t first)
{
  const struct sy_unit *unit = sy_range_unit (first);

  if (unit->fresh >= SY_HUGE_UNITS && unit->mapping == 0)
    look (first, unit->asked, true);
}

/*
 * A new block has small pages.  Looks at the one before, if the program still has it.  That it is
 * not written to counts against only if many blocks came since: else the program may do so later.
 */
static void
note_new (uint32_t first, size_t pages)
{
  size_t before = AO_load (&known.pages);

  if (before != 0)
    look ((uint32_t) AO_load (&known.unit), before, AO_load (&known.proofs) >= SY_HUGE_PROOFS);
  AO_store (&known.unit, first);
  AO_store (&known.pages, pages);
}

/* May a new block have huge pages?  Of those that may, not all do. */
static bool
wants_huge (size_t pages)
{
  AO_t wish = AO_load (&known.wishes);

  if (sy_huge_when () == SY_HUGE_ALWAYS)
    return true;
  if (AO_load (&known.proofs) < SY_HUGE_PROOFS || pages / SY_HUGE_STEP > AO_load (&known.proven))
    return false;
  AO_store (&known.wishes, wish + 1);
  return wish % SY_HUGE_PROBES != SY_HUGE_PROBES - 1;
}

/* Asks for huge pages for what has no memory yet of a new block. */
static void
wish_huge (uint32_t first, size_t pages)
{
  if (sy_range_unit (first)->fresh < SY_HUGE_UNITS)
    return;
  if (!wants_huge (pages) || !sy_apart_ask_huge (first))
    note_new (first, pages);
}

/* ---- Blocks ---- */

bool
sy_large_is (unsigned tag, const void *pointer)
{
  return sy_range_kind (tag, pointer) == SY_UNIT_LARGE
         && ((uintptr_t) pointer & (SY_UNIT_BYTES - 1)) == 0;
}

/* Makes a used run, whose units no slab and no block has, a block. */
static void *
begin (unsigned tag, uint32_t first, size_t bytes)
{
  sy_range_unit (first)->asked = pages_of (bytes);
  sy_range_mark (first, 1, tag ^ SY_UNIT_LARGE);
  sy_range_mark (first + 1, sy_range_unit (first)->length - 1, tag ^ SY_UNIT_INSIDE);
  return sy_range_address (first);
}

void *
sy_large_take (unsigned tag, size_t alignment, size_t bytes, size_t room, bool *zero)
{
  uint32_t count = units_of (bytes + room), over = units_of (alignment), first;

  if (count == UINT32_MAX || over == UINT32_MAX)
    return NULL;
  first = sy_units_take_aligned (count, alignment, SY_MEMORY_ANY, zero);
  if (first == SY_UNIT_NONE)
    return NULL;
  wish_huge (first, pages_of (bytes));
  return begin (tag, first, bytes);
}

/* Parts of which few pages are in memory are given back to the system, which makes them zero
   without memory. */
void
sy_large_clear (void *block, size_t bytes)
{
  char *start = block;

  bytes = sy_large_good_size (bytes);
  for (size_t at = 0; at < bytes; at += SY_RESIDENT_BYTES)
    {
      size_t part = bytes - at < SY_RESIDENT_BYTES ? bytes - at : SY_RESIDENT_BYTES;

      if (part < SY_CLEAR_LEAST || sy_os_resident_bytes (start + at, part) > part / 2
          || !sy_os_discard (start + at, part))
        memset (start + at, 0, part);
    }
}

/* Takes the block out of the map.  Of several threads that free the same block one does so; the
   others report misuse. */
static void
end (unsigned tag, uint32_t first, const char *call)
{
  /* Relaxed: who takes the units next has them from the book, under its lock. */
  if (!AO_int_compare_and_swap (&sy_range.map[first], tag ^ SY_UNIT_LARGE, 0))
    sy_bug (call, sy_range_address (first),
            "no block of this handle: not allocated by it, or freed already");
  if (AO_load (&known.unit) == first)
    AO_store (&known.pages, 0);
  sy_range_mark (first + 1, sy_range_unit (first)->length - 1, 0);
}

void
sy_large_give (unsigned tag, void *block, const char *call)
{
  uint32_t first = sy_range_unit_of (block);

  end (tag, first, call);
  note_use (first);
  sy_units_give (first, 1);
}

static void
close_block (void *tag, uint32_t unit, unsigned kind)
{
  if (kind == SY_UNIT_LARGE)
    sy_large_give (*(unsigned *) tag, sy_range_address (unit), "sydra_alloc_destroy");
}

void
sy_large_close (unsigned tag)
{
  sy_range_each (tag, close_block, &tag);
}

size_t
sy_large_usable (const void *block)
{
  return sy_range_unit (sy_range_unit_of (block))->asked * sy_os_page_bytes ();
}

/* ---- Changes of length ---- */

/* How much room for more growth a block of so many units gets. */
static uint32_t
growth_room (uint32_t length)
{
  return length / SY_GROWTH_SHARE;
}

static bool
grow (unsigned tag, uint32_t first, uint32_t length)
{
  uint32_t old = sy_range_unit (first)->length,
           more = sy_units_extend (first, length - old, growth_room (length));

  sy_range_mark (first + old, more, tag ^ SY_UNIT_INSIDE);
  return more != 0;
}

/* Gives back the end of the run, if that is a quarter of it or more. */
static void
shrink (uint32_t first, uint32_t length)
{
  uint32_t old = sy_range_unit (first)->length;

  if (old - length < old / 4 || old == length)
    return;
  sy_range_mark (first + length, old - length, 0);
  sy_units_cut (first, length);
}

bool
sy_large_resize (unsigned tag, void *block, size_t bytes)
{
  uint32_t first = sy_range_unit_of (block), length = units_of (bytes);
  struct sy_unit *unit = sy_range_unit (first);

  if (length == UINT32_MAX || (length > unit->length && !grow (tag, first, length)))
    return false;
  if (pages_of (bytes) < unit->asked)
    shrink (first, length);
  unit->asked = pages_of (bytes);
  return true;
}

/* A longer run with the block's contents, by a move or a copy; the old one has been given back.
   SY_UNIT_NONE: neither is possible, or worth it. */
static uint32_t
lengthen (unsigned tag, uint32_t from, uint32_t length)
{
  uint32_t old = sy_range_unit (from)->length, to;
  size_t bytes = sy_large_usable (sy_range_address (from));
  bool copies = (length - old >= old / SY_COPY_SHARE && sy_units_has_waiting (length))
                || (old < 2 * SY_HUGE_UNITS && sy_units_are_in_huge (from)),
       zero,
       huge = !copies && old >= SY_HUGE_UNITS && sy_huge_when () != SY_HUGE_NEVER
              && is_whole (from, sy_range_unit (from)->asked);
  uint32_t room = copies ? 0 : growth_room (length), unit = huge ? SY_HUGE_UNITS : 1;
  enum sy_memory memory = copies ? SY_MEMORY_ANY : SY_MEMORY_NONE;

  /* Of whole huge pages, as nothing else may lie in one. */
  to = sy_units_take_aligned ((length + room + unit - 1) / unit * unit, unit * SY_UNIT_BYTES,
                              memory, &zero);
  if (to == SY_UNIT_NONE && !copies)
    to = sy_units_take_aligned (length, SY_UNIT_BYTES, memory, &zero);
  if (to == SY_UNIT_NONE)
    return to;
  end (tag, from, "sydra_realloc");
  if (copies)
    {
      memcpy (sy_range_address (to), sy_range_address (from), bytes);
      sy_units_give (from, 1);
    }
  else if (!sy_apart_move (from, to))
    {
      (void) begin (tag, from, bytes);
      to = SY_UNIT_NONE;
    }
  else if (huge)
    (void) sy_apart_ask_huge (to);
  return to;
}

void *
sy_large_move (unsigned tag, void *block, size_t bytes)
{
  uint32_t from = sy_range_unit_of (block), length = units_of (bytes), to;

  if (length == UINT32_MAX || length <= sy_range_unit (from)->length)
    return NULL;
  to = lengthen (tag, from, length);
  return to == SY_UNIT_NONE ? NULL : begin (tag, to, bytes);
}
