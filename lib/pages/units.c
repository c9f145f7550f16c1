/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/units.h"

#include "base/os.h"
#include "pages/huge.h"
#include "pages/dirty.h"

static struct sy_runs *const runs = &sy_range_runs;

static uint32_t
least (uint32_t one, uint32_t other)
{
  return one < other ? one : other;
}

/* ---- Taking ---- */

/* How many units right behind the run are free, up to `wanted`, and apart only if that may be.  If
   they reach the edge, the range grows for the rest.  Under the lock. */
static uint32_t
room_behind (uint32_t first, uint32_t wanted, bool may_be_apart)
{
  bool at_edge;
  uint32_t has = sy_runs_room_behind (runs, first, wanted, may_be_apart, &at_edge);

  if (has == wanted || !at_edge || !sy_range_grow (wanted - has))
    return has;
  /* The edge may have jumped. */
  has = sy_runs_room_behind (runs, first, wanted, may_be_apart, &at_edge);
  return at_edge ? wanted : has;
}

/* A used run from the best free one of the state.  SY_UNIT_NONE: none found. */
static uint32_t
take_free (enum sy_run_state is, uint32_t count, uint32_t looks)
{
  uint32_t first = sy_runs_find (runs, is, count, looks);

  if (first != SY_UNIT_NONE)
    sy_runs_take (runs, first, count);
  return first;
}

/* A used run from a dirty run that is too short and what is free beside it: of a clean run before
   it only the end. */
static uint32_t
take_mixed (uint32_t count)
{
  uint32_t first = sy_runs_find_mixed (runs, count, SY_RUN_LOOKS), length, room;
  bool at_edge;

  if (first == SY_UNIT_NONE)
    return SY_UNIT_NONE;
  length = sy_range_unit (first)->length;
  if (length < count && length + room_behind (first, count - length, true) < count)
    return SY_UNIT_NONE;
  room = sy_runs_room_behind (runs, first, count - 1, true, &at_edge);
  if (sy_range_unit (first)->state == SY_RUN_CLEAN)
    first = sy_runs_take_end (runs, first, count - room);
  else
    sy_runs_take (runs, first, least (length, count));
  length = sy_range_unit (first)->length;
  if (length < count)
    sy_runs_extend (runs, first, count - length);
  return first;
}

/* Under the lock.  Of a dirty run and one that is apart, the shorter. */
static uint32_t
find_waiting (uint32_t count, uint32_t looks)
{
  uint32_t dirty = sy_runs_find (runs, SY_RUN_DIRTY, count, looks),
           apart = sy_runs_find (runs, SY_RUN_APART, count, looks);

  if (dirty == SY_UNIT_NONE || apart == SY_UNIT_NONE)
    return dirty == SY_UNIT_NONE ? apart : dirty;
  return sy_range_unit (dirty)->length <= sy_range_unit (apart)->length ? dirty : apart;
}

/* Takes a run that has memory as the caller wishes.  Under the lock. */
static uint32_t
take_waiting (uint32_t count, enum sy_memory memory, uint32_t looks)
{
  uint32_t first;

  if (memory == SY_MEMORY_NONE)
    return SY_UNIT_NONE;
  if (memory == SY_MEMORY_ALL)
    return take_free (SY_RUN_DIRTY, count, looks);
  first = find_waiting (count, looks);
  if (first != SY_UNIT_NONE)
    sy_runs_take (runs, first, count);
  /* A new page costs more than a search, but for a few. */
  else if (count > SY_SLAB_UNITS_MAX)
    first = take_mixed (count);
  return first;
}

/* A used run of `count` units without memory, and of `*rest` units more that fill a huge page, if
   `fills`.  Under the lock. */
static uint32_t
take_new (uint32_t count, bool fills, uint32_t looks, uint32_t *rest)
{
  uint32_t first = sy_runs_find (runs, SY_RUN_CLEAN, count, looks), edge = runs->edge;

  *rest = 0;
  if (first != SY_UNIT_NONE)
    {
      *rest = fills ? sy_huge_ahead (first, count, sy_range_unit (first)->length) : 0;
      sy_runs_take (runs, first, count + *rest);
      return first;
    }
  *rest = fills ? sy_huge_ahead (edge, count, UINT32_MAX) : 0;
  /* The edge may have jumped. */
  if (*rest == 0 || !sy_range_grow (count + *rest) || runs->edge != edge)
    {
      *rest = 0;
      if (!sy_range_grow (count))
        return SY_UNIT_NONE;
    }
  return sy_runs_take_edge (runs, count + *rest);
}

/* Under the lock, after a search of so many looks. */
static uint32_t
take_locked (uint32_t count, enum sy_memory memory, bool fills, uint32_t looks, uint32_t *rest)
{
  uint32_t dirty = runs->dirty, old = runs->old, first = take_waiting (count, memory, looks);

  *rest = 0;
  if (first == SY_UNIT_NONE)
    first = take_new (count, fills, looks, rest);
  if (first == SY_UNIT_NONE)
    return first;
  sy_dirty_note_taken (count, dirty, old);
  sy_range_unit (first)->stamp = runs->tick;
  sy_range_unit (first)->fresh = count + *rest - (dirty - runs->dirty);
  return first;
}

/* Cuts a used run in two, which were taken when it was.  If a part of it had memory then, it is not
   known which: neither counts as all new. */
static void
cut (uint32_t first, uint32_t length)
{
  struct sy_unit *unit = sy_range_unit (first), *rest = sy_range_unit (first + length);
  bool is_new = unit->fresh == unit->length;

  sy_runs_cut (runs, first, length);
  rest->stamp = unit->stamp;
  rest->fresh = is_new ? rest->length : 0;
  unit->fresh = is_new ? length : least (unit->fresh, length - 1);
}

/* Asks for the huge page that ends with a new run, and files what is behind its first `count`
   units. */
static void
fill_huge (uint32_t first, uint32_t count)
{
  uint32_t page = first + sy_range_unit (first)->length - SY_HUGE_UNITS;
  bool given = sy_huge_ask (page);

  sy_lock_take (&sy_range_lock);
  sy_huge_note (page, given);
  cut (first, count);
  sy_runs_file (runs, first + count, given ? SY_RUN_DIRTY : SY_RUN_CLEAN);
  sy_dirty_unlock ();
}

static uint32_t
take (uint32_t count, enum sy_memory memory, bool fills, bool *zero)
{
  uint32_t first, cleaners, rest;

  for (unsigned tries = 0;; tries++)
    {
      sy_lock_take (&sy_range_lock);
      first = take_locked (count, memory, fills, tries == 0 ? SY_RUN_LOOKS : UINT32_MAX, &rest);
      *zero = first != SY_UNIT_NONE && sy_range_unit (first)->fresh >= count;
      cleaners = sy_dirty_cleaners ();
      sy_dirty_unlock ();
      sy_huge_look ();
      if (rest != 0)
        fill_huge (first, count);
      if (first != SY_UNIT_NONE || (tries != 0 && cleaners == 0) || tries == SY_TAKE_TRIES)
        return first;
      if (tries != 0)
        sy_os_pause (tries);
      /* Free runs may be too short only because dirty and clean ones lie side by side. */
      (void) sy_dirty_purge ();
    }
}

uint32_t
sy_units_take (uint32_t count, enum sy_memory memory, bool *zero)
{
  return take (count, memory, memory != SY_MEMORY_NONE, zero);
}

/* Gives back both ends of a used run, so that it begins at the alignment and has the length.
   Returns its new first unit.  Under the lock. */
static uint32_t
cut_ends (uint32_t first, size_t alignment, uint32_t length, enum sy_run_state end_state)
{
  uint32_t before
    = (uint32_t) ((-(uintptr_t) sy_range_address (first) & (alignment - 1)) >> SY_UNIT_SHIFT);

  if (before != 0)
    {
      cut (first, before);
      sy_dirty_file (first, end_state);
      first += before;
    }
  if (sy_range_unit (first)->length > length)
    {
      cut (first, length);
      sy_dirty_file (first + length, end_state);
    }
  sy_range_unit (first)->fresh = end_state == SY_RUN_CLEAN ? length : 0;
  return first;
}

uint32_t
sy_units_take_aligned (uint32_t count, size_t alignment, enum sy_memory memory, bool *zero)
{
  uint32_t over = alignment > SY_UNIT_BYTES ? (uint32_t) (alignment >> SY_UNIT_SHIFT) - 1 : 0,
           first;

  if (over == 0)
    return sy_units_take (count, memory, zero);
  /* Both ends go back, and as dirty ones only if they have memory. */
  first = take (count + over, memory == SY_MEMORY_ANY ? SY_MEMORY_ALL : memory, false, zero);
  if (first == SY_UNIT_NONE)
    return first;
  sy_lock_take (&sy_range_lock);
  first = cut_ends (first, alignment, count, *zero ? SY_RUN_CLEAN : SY_RUN_DIRTY);
  sy_dirty_unlock ();
  return first;
}

/* ---- Changing a run ---- */

void
sy_units_cut (uint32_t first, uint32_t length)
{
  uint32_t chain = SY_UNIT_NONE, before;

  sy_lock_take (&sy_range_lock);
  before = runs->dirty;
  cut (first, length);
  sy_dirty_give (first + length, &chain);
  sy_dirty_leave_excess (runs->dirty - before, &chain);
  (void) sy_dirty_unlock_and_clean (chain);
}

uint32_t
sy_units_extend (uint32_t first, uint32_t more, uint32_t room)
{
  uint32_t next, has = 0;

  sy_lock_take (&sy_range_lock);
  next = first + sy_range_unit (first)->length;
  /* What is apart stays one mapping, so that it can be moved. */
  if (sy_range_unit (first)->mapping == 0)
    {
      bool is_new = next == runs->edge || sy_range_unit (next)->state == SY_RUN_CLEAN;

      has = room_behind (first, is_new ? more + room : more, false);
      if (has < more && is_new)
        has = room_behind (first, more, false);
      if (has < more)
        has = 0;
    }
  if (has != 0)
    {
      uint32_t dirty = runs->dirty, old = runs->old;

      sy_runs_extend (runs, first, has);
      sy_dirty_note_taken (has, dirty, old);
    }
  sy_dirty_unlock ();
  return has;
}

bool
sy_units_are_in_huge (uint32_t first)
{
  sy_lock_take (&sy_range_lock);

  bool are = sy_huge_has (first);

  sy_dirty_unlock ();
  return are;
}

bool
sy_units_has_waiting (uint32_t count)
{
  sy_lock_take (&sy_range_lock);

  uint32_t first = find_waiting (count, SY_RUN_LOOKS);
  bool has = first != SY_UNIT_NONE && sy_range_unit (first)->mapping != SY_MAPPING_MIXED;

  sy_dirty_unlock ();
  return has;
}

void
sy_units_break_huge (uint32_t first, uint32_t last)
{
  uint32_t page[2];

  if (!sy_huge_are_any ())
    return;
  sy_lock_take (&sy_range_lock);
  page[0] = sy_huge_break (first);
  page[1] = sy_huge_break (last);
  sy_dirty_unlock ();
  for (unsigned at = 0; at < 2; at++)
    if (page[at] != SY_UNIT_NONE)
      sy_os_refuse_huge (sy_range_address (page[at]), SY_HUGE_PAGE_BYTES);
}

/* ---- Giving ---- */

void
sy_units_give (uint32_t first, unsigned count)
{
  uint32_t chain = SY_UNIT_NONE, before;

  sy_lock_take (&sy_range_lock);
  before = runs->dirty;
  for (unsigned given = 0; given < count; given++)
    {
      uint32_t next = sy_range_unit (first)->next;

      sy_dirty_give (first, &chain);
      first = next;
    }
  sy_dirty_leave_excess (runs->dirty - before, &chain);
  (void) sy_dirty_unlock_and_clean (chain);
}

/* Is there no clean unit in a huge page?  Under the lock, with a valid book. */
static bool
huge_pages_are_valid (void)
{
  for (uint32_t at = 0; at < runs->edge; at += sy_range_unit (at)->length)
    if (sy_range_unit (at)->state == SY_RUN_CLEAN && sy_huge_has (at))
      return false;
  return true;
}

bool
sy_units_are_valid (void)
{
  sy_lock_take (&sy_range_lock);

  bool valid = runs->top == NULL || (sy_runs_is_valid (runs) && huge_pages_are_valid ());

  sy_dirty_unlock ();
  return valid;
}
