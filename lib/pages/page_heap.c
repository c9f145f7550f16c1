/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/page_heap.h"

#include <string.h>

#include "pages/page_range.h"
#include "pages/mappings.h"

/* Under the range's lock: how many mappings of all used runs were moved, and whether moving has
   ended because a move lost a run. */
static uint32_t moved_mappings;
static bool moves_ended;

size_t
sy_pages_page_bytes (void)
{
  return (size_t) 1 << sy_page_shift ();
}

bool
sy_pages_has (const void *pointer)
{
  return sy_page_range_has (pointer);
}

/* ---- Blocks ---- */

/* Takes a run of `length` pages.  Sets *state to what it was before.  SY_PAGE_NONE: the range or
   the memory is used up. */
static uint32_t
choose (uint32_t length, bool may_be_dirty, enum sy_run_state *state)
{
  uint32_t first = may_be_dirty ? sy_runs_find (&sy_page_range.runs, *state = SY_RUN_DIRTY, length)
                                : SY_PAGE_NONE;

  if (first == SY_PAGE_NONE)
    first = sy_runs_find (&sy_page_range.runs, *state = SY_RUN_CLEAN, length);
  if (first != SY_PAGE_NONE)
    sy_runs_take (&sy_page_range.runs, first, length);
  else if (sy_page_range_commit (length))
    first = sy_runs_take_edge (&sy_page_range.runs, length);
  else
    return SY_PAGE_NONE;
  sy_page_entry (first)->asked = length;
  sy_page_entry (first)->mapping = 0;
  return first;
}

/* Gives back both ends of a used run, so that it begins at the alignment and has the length.
   Returns its new first page. */
static uint32_t
cut_ends (uint32_t first, size_t alignment, uint32_t length, enum sy_run_state state)
{
  uint32_t before = (uint32_t) ((-(uintptr_t) sy_page_address (first) & (alignment - 1))
                                >> sy_page_range.shift);

  if (before != 0)
    {
      sy_runs_cut (&sy_page_range.runs, first, before);
      sy_runs_file (&sy_page_range.runs, first, state);
      first += before;
    }
  if (sy_page_entry (first)->length > length)
    {
      sy_runs_cut (&sy_page_range.runs, first, length);
      sy_runs_file (&sy_page_range.runs, first + length, state);
    }
  sy_page_entry (first)->asked = length;
  sy_page_entry (first)->mapping = 0;
  return first;
}

static uint32_t
take_locked (size_t alignment, size_t bytes, size_t room, enum sy_run_state *state)
{
  if (!sy_page_range_open ())
    return SY_PAGE_NONE;

  size_t over = alignment > sy_page_bytes_of (1) ? alignment - sy_page_bytes_of (1) : 0;
  uint32_t length = sy_page_count_of (bytes + room), first;

  if (over > sy_page_bytes_of (sy_page_range.pages)
      || sy_page_count_of (bytes + room + over) > sy_page_range.pages)
    return SY_PAGE_NONE;
  first = choose (length + (uint32_t) (over >> sy_page_range.shift), true, state);
  if (first != SY_PAGE_NONE && over != 0)
    first = cut_ends (first, alignment, length, *state);
  if (first != SY_PAGE_NONE)
    sy_page_entry (first)->asked = sy_page_count_of (bytes);
  return first;
}

void *
sy_pages_take (size_t alignment, size_t bytes, size_t room, bool *zero)
{
  enum sy_run_state state = SY_RUN_CLEAN;

  for (unsigned tries = 0; tries < 2; tries++)
    {
      sy_lock_take (&sy_page_range.lock);

      uint32_t first = take_locked (alignment, bytes, room, &state);

      sy_lock_release (&sy_page_range.lock);
      *zero = state == SY_RUN_CLEAN;
      if (first != SY_PAGE_NONE)
        return sy_page_address (first);
      /* Free runs may be too short only because dirty and clean ones lie side by side. */
      if (sy_page_range_trim () == 0)
        break;
    }
  return NULL;
}

/* Gives back the end of a moved run that was never moved.  It may stay dirty like any other run. */
static void
give_tail (uint32_t first, uint32_t *chain)
{
  uint32_t at = sy_page_entry (first)->mapping == 0 ? 0 : sy_mappings_tail (first);

  if (at == 0 || at == sy_page_entry (first)->length)
    return;
  (void) sy_mappings_cut (first, at);
  sy_runs_cut (&sy_page_range.runs, first, at);
  sy_page_entry (first + at)->mapping = 0;
  sy_page_run_give (first + at, chain);
}

void
sy_pages_give (void *block, const char *call)
{
  uint32_t chain = SY_PAGE_NONE, first = sy_page_run_of (block, call);

  sy_lock_take (&sy_page_range.lock);
  if (sy_page_entry (first)->state == SY_RUN_USED)
    {
      moved_mappings -= sy_mappings_moved (first);
      give_tail (first, &chain);
      sy_page_run_give (first, &chain);
    }
  else
    first = SY_PAGE_NONE;
  sy_lock_release (&sy_page_range.lock);
  if (first == SY_PAGE_NONE)
    (void) sy_page_run_of (block, call); /* another thread has freed it: reports misuse */
  (void) sy_page_chain_clean (chain);
}

size_t
sy_pages_usable (const void *block, const char *call)
{
  return sy_page_bytes_of (sy_page_entry (sy_page_run_of (block, call))->length);
}

/* How much room for more growth a block of this length gets. */
static uint32_t
growth_room (uint32_t length)
{
  return length / SY_GROWTH_SHARE;
}

/* Shortens the run to `length` pages, if it gives back a quarter of the run or more. */
static void
shrink (uint32_t first, uint32_t length, uint32_t *chain)
{
  struct sy_page *page = sy_page_entry (first);
  bool was_moved = page->mapping != 0;

  if (page->length - length < page->length / 4 || page->length == length)
    return;
  if (was_moved)
    moved_mappings -= sy_mappings_cut (first, length);
  sy_runs_cut (&sy_page_range.runs, first, length);
  sy_page_entry (first + length)->mapping = was_moved;
  sy_page_run_give (first + length, chain);
}

/* Lengthens the run to `length` pages in place, and adds room if that costs no memory. */
static bool
grow_run (uint32_t first, uint32_t length)
{
  struct sy_runs *runs = &sy_page_range.runs;
  uint32_t old_length = runs->pages[first].length, next = first + old_length,
           more = length - old_length, wanted = more, room;
  bool at_edge;

  if (next == runs->edge || runs->pages[next].state == SY_RUN_CLEAN)
    wanted += growth_room (length);
  room = sy_runs_room_behind (runs, first, wanted, &at_edge);
  if (room < wanted && at_edge && sy_page_range_commit (wanted - room))
    room = wanted;
  if (room < more)
    return false;
  sy_runs_extend (runs, first, room);
  if (runs->pages[first].mapping != 0)
    sy_mappings_extend (first, old_length);
  return true;
}

bool
sy_pages_resize (void *block, size_t bytes, const char *call)
{
  uint32_t chain = SY_PAGE_NONE, first = sy_page_run_of (block, call),
           length = sy_page_count_of (bytes);
  struct sy_page *page = sy_page_entry (first);
  bool done = length <= sy_page_range.pages;

  /* Most changes within the room need no lock. */
  if (done && (length < page->asked || length > page->length))
    {
      sy_lock_take (&sy_page_range.lock);
      if (length > page->length)
        done = grow_run (first, length);
      else
        shrink (first, length, &chain);
      sy_lock_release (&sy_page_range.lock);
      (void) sy_page_chain_clean (chain);
    }
  if (done)
    page->asked = length;
  return done;
}

/* ---- Moving ---- */

/*
 * Takes a run for a block that grows to `length` pages.  It is a dirty run if the block grows so
 * far that new pages would cost more than copying the old ones.  Else it is a clean run, to move
 * the pages to.  SY_PAGE_NONE: neither.
 */
static uint32_t
choose_for_move (uint32_t first, uint32_t length, enum sy_run_state *state)
{
  uint32_t old_length = sy_page_entry (first)->length, to = SY_PAGE_NONE;

  if (sy_page_bytes_of (old_length) < SY_MOVE_BYTES || length > sy_page_range.pages)
    return SY_PAGE_NONE;
  if (length - old_length >= old_length / SY_COPY_SHARE)
    to = sy_runs_find (&sy_page_range.runs, SY_RUN_DIRTY, length);
  if (to != SY_PAGE_NONE)
    return choose (length, true, state);
  if (moved_mappings >= SY_MOVED_MAX || moves_ended)
    return SY_PAGE_NONE;
  to = choose (length + growth_room (length), false, state);
  if (to == SY_PAGE_NONE)
    to = choose (length, false, state);
  if (to != SY_PAGE_NONE)
    sy_page_entry (to)->asked = length;
  return to;
}

/* Copies the whole run, room included, because the program may use all of it. */
static void
copy_pages (uint32_t from, uint32_t to)
{
  memcpy (sy_page_address (to), sy_page_address (from),
          sy_page_bytes_of (sy_page_entry (from)->length));
}

/* Files both runs after a move or a copy.  Returns whether the new run is the block's. */
static bool
settle_run (uint32_t from, uint32_t to, bool moved, bool copied, uint32_t *chain)
{
  uint32_t old_moved = sy_mappings_moved (from), new_moved = moved ? sy_mappings_moved (to) : 0;

  if (!moved)
    {
      /* This run is lost.  Another move could lose another. */
      moves_ended = true;
      sy_runs_detach (&sy_page_range.runs, to);
      return false;
    }
  if (new_moved == 0)
    sy_page_entry (to)->mapping = 0;
  moved_mappings += new_moved - old_moved;
  if (copied || sy_page_entry (from)->mapping != 0)
    sy_page_run_give (from, chain);
  else
    sy_runs_file (&sy_page_range.runs, from, SY_RUN_CLEAN);
  return true;
}

void *
sy_pages_move (void *block, size_t bytes, const char *call)
{
  uint32_t chain = SY_PAGE_NONE, from = sy_page_run_of (block, call), to;
  enum sy_run_state state = SY_RUN_CLEAN;
  bool copied, moved = true;

  sy_lock_take (&sy_page_range.lock);
  to = choose_for_move (from, sy_page_count_of (bytes), &state);
  sy_lock_release (&sy_page_range.lock);
  if (to == SY_PAGE_NONE)
    return NULL;

  copied = state == SY_RUN_DIRTY;
  if (copied)
    copy_pages (from, to);
  else
    moved = sy_mappings_move (from, to, &copied);

  sy_lock_take (&sy_page_range.lock);
  moved = settle_run (from, to, moved, copied, &chain);
  sy_lock_release (&sy_page_range.lock);
  (void) sy_page_chain_clean (chain);
  return moved ? sy_page_address (to) : NULL;
}
