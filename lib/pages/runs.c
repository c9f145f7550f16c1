/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/runs.h"

void
sy_runs_open (struct sy_runs *runs, struct sy_page *pages)
{
  *runs = (struct sy_runs) { .pages = pages, .oldest = SY_PAGE_NONE, .youngest = SY_PAGE_NONE };
  for (unsigned list = 0; list < SY_RUN_LISTS; list++)
    runs->lists[0].head[list] = runs->lists[1].head[list] = SY_PAGE_NONE;
}

/* ---- Lists of lengths ---- */

static unsigned
list_of (uint32_t length)
{
  unsigned shift;

  if (length < SY_RUN_EXACT)
    return length;
  shift = 31 - (unsigned) __builtin_clz (length);
  return SY_RUN_EXACT + 8 * (shift - (unsigned) __builtin_ctz (SY_RUN_EXACT))
         + (length >> (shift - 3) & 7);
}

static struct sy_run_lists *
lists_of (struct sy_runs *runs, uint32_t state)
{
  return &runs->lists[state == SY_RUN_CLEAN];
}

static void
list_add (struct sy_runs *runs, uint32_t first)
{
  struct sy_page *page = &runs->pages[first];
  struct sy_run_lists *lists = lists_of (runs, page->state);
  unsigned list = list_of (page->length);

  page->previous = SY_PAGE_NONE;
  page->next = lists->head[list];
  if (page->next != SY_PAGE_NONE)
    runs->pages[page->next].previous = first;
  lists->head[list] = first;
  lists->filled[list / 64] |= UINT64_C (1) << list % 64;
}

static void
run_list_remove (struct sy_runs *runs, uint32_t first)
{
  struct sy_page *page = &runs->pages[first];
  struct sy_run_lists *lists = lists_of (runs, page->state);
  unsigned list = list_of (page->length);

  if (page->next != SY_PAGE_NONE)
    runs->pages[page->next].previous = page->previous;
  if (page->previous != SY_PAGE_NONE)
    runs->pages[page->previous].next = page->next;
  else
    {
      lists->head[list] = page->next;
      if (page->next == SY_PAGE_NONE)
        lists->filled[list / 64] &= ~(UINT64_C (1) << list % 64);
    }
}

/* The first list from number `list` on that is not empty.  SY_RUN_LISTS: none. */
static unsigned
list_filled (const struct sy_run_lists *lists, unsigned list)
{
  for (unsigned word = list / 64; word < SY_RUN_LISTS / 64; word++)
    {
      uint64_t filled = lists->filled[word]
                        & (word == list / 64 ? ~UINT64_C (0) << list % 64 : ~UINT64_C (0));

      if (filled != 0)
        return 64 * word + (unsigned) __builtin_ctzll (filled);
    }
  return SY_RUN_LISTS;
}

/* The shortest long enough run, and the lowest of several, among the first SY_RUN_LOOKS of a
   list. */
static uint32_t
list_best (const struct sy_runs *runs, uint32_t first, uint32_t length)
{
  uint32_t best = SY_PAGE_NONE, best_length = UINT32_MAX;

  for (unsigned looks = 0; first != SY_PAGE_NONE && looks < SY_RUN_LOOKS;
       looks++, first = runs->pages[first].next)
    {
      uint32_t has = runs->pages[first].length;

      if (has >= length && (has < best_length || (has == best_length && first < best)))
        {
          best = first;
          best_length = has;
        }
    }
  return best;
}

uint32_t
sy_runs_find (const struct sy_runs *runs, enum sy_run_state state, uint32_t length)
{
  const struct sy_run_lists *lists = &runs->lists[state == SY_RUN_CLEAN];
  unsigned own = list_of (length), list;
  uint32_t found = list_best (runs, lists->head[own], length);

  if (found != SY_PAGE_NONE || own + 1 >= SY_RUN_LISTS)
    return found;
  list = list_filled (lists, own + 1);
  return list == SY_RUN_LISTS ? SY_PAGE_NONE : list_best (runs, lists->head[list], length);
}

/* ---- The list of ages ---- */

/* Puts a run behind `older`, or first if that is SY_PAGE_NONE. */
static void
age_add_behind (struct sy_runs *runs, uint32_t first, uint32_t older)
{
  struct sy_page *page = &runs->pages[first];
  uint32_t *before = older == SY_PAGE_NONE ? &runs->oldest : &runs->pages[older].younger;

  page->older = older;
  page->younger = *before;
  *before = first;
  if (page->younger != SY_PAGE_NONE)
    runs->pages[page->younger].older = first;
  else
    runs->youngest = first;
}

static void
age_remove (struct sy_runs *runs, uint32_t first)
{
  struct sy_page *page = &runs->pages[first];

  if (page->older != SY_PAGE_NONE)
    runs->pages[page->older].younger = page->younger;
  else
    runs->oldest = page->younger;
  if (page->younger != SY_PAGE_NONE)
    runs->pages[page->younger].older = page->older;
  else
    runs->youngest = page->older;
}

/* ---- Runs ---- */

static void
run_set (struct sy_runs *runs, uint32_t first, uint32_t length, enum sy_run_state state)
{
  runs->pages[first].state = state;
  runs->pages[first].length = length;
  runs->pages[first + length - 1].back = length;
}

/* Takes a free run out of its lists.  Its entry stays as it is. */
static void
free_remove (struct sy_runs *runs, uint32_t first)
{
  struct sy_page *page = &runs->pages[first];

  run_list_remove (runs, first);
  if (page->state == SY_RUN_DIRTY)
    {
      age_remove (runs, first);
      runs->dirty -= page->length;
    }
}

static void
free_add (struct sy_runs *runs, uint32_t first, uint32_t length, enum sy_run_state state,
          uint32_t stamp, uint32_t older)
{
  run_set (runs, first, length, state);
  list_add (runs, first);
  if (state != SY_RUN_DIRTY)
    return;
  runs->pages[first].stamp = stamp;
  age_add_behind (runs, first, older);
  runs->dirty += length;
}

void
sy_runs_take (struct sy_runs *runs, uint32_t first, uint32_t length)
{
  struct sy_page run = runs->pages[first];

  free_remove (runs, first);
  if (run.length > length)
    free_add (runs, first + length, run.length - length, run.state, run.stamp, run.older);
  run_set (runs, first, length, SY_RUN_USED);
  runs->used += length;
}

uint32_t
sy_runs_take_edge (struct sy_runs *runs, uint32_t length)
{
  uint32_t first = runs->edge;

  runs->edge += length;
  run_set (runs, first, length, SY_RUN_USED);
  runs->used += length;
  return first;
}

uint32_t
sy_runs_room_behind (const struct sy_runs *runs, uint32_t first, uint32_t wanted, bool *at_edge)
{
  uint32_t next = first + runs->pages[first].length, room = 0;

  while (room < wanted && next < runs->edge && runs->pages[next].state >= SY_RUN_DIRTY)
    {
      room += runs->pages[next].length;
      next += runs->pages[next].length;
    }
  *at_edge = next == runs->edge;
  return room < wanted ? room : wanted;
}

void
sy_runs_extend (struct sy_runs *runs, uint32_t first, uint32_t more)
{
  uint32_t length = runs->pages[first].length;

  while (more != 0)
    {
      uint32_t next = first + length, step = next == runs->edge || runs->pages[next].length > more
                                               ? more
                                               : runs->pages[next].length;

      if (next == runs->edge)
        (void) sy_runs_take_edge (runs, step);
      else
        sy_runs_take (runs, next, step);
      runs->pages[next].state = SY_RUN_INSIDE;
      length += step;
      more -= step;
    }
  run_set (runs, first, length, SY_RUN_USED);
}

void
sy_runs_cut (struct sy_runs *runs, uint32_t first, uint32_t length)
{
  uint32_t all = runs->pages[first].length;

  run_set (runs, first + length, all - length, runs->pages[first].state);
  run_set (runs, first, length, runs->pages[first].state);
}

void
sy_runs_file (struct sy_runs *runs, uint32_t first, enum sy_run_state state)
{
  uint32_t length = runs->pages[first].length, next = first + length, longest = length,
           stamp = runs->tick, older = runs->youngest;
  uint32_t neighbours[2] = { first == 0 ? SY_PAGE_NONE : first - runs->pages[first - 1].back,
                             next == runs->edge ? SY_PAGE_NONE : next };

  if (runs->pages[first].state == SY_RUN_USED)
    runs->used -= length;
  runs->pages[first].state = SY_RUN_INSIDE;
  for (unsigned side = 0; side < 2; side++)
    {
      uint32_t at = neighbours[side];

      if (at == SY_PAGE_NONE || runs->pages[at].state != state)
        continue;
      free_remove (runs, at);
      if (older == at)
        older = runs->pages[at].older;
      /* The joined run gets the age of its longest part.  So small runs that come and go beside a
         long run do not keep it young, and an old rest does not make a young long run old. */
      if (runs->pages[at].length > longest)
        {
          longest = runs->pages[at].length;
          stamp = runs->pages[at].stamp;
          older = runs->pages[at].older;
        }
      runs->pages[at].state = SY_RUN_INSIDE;
      length += runs->pages[at].length;
      first = at < first ? at : first;
    }
  if (state == SY_RUN_CLEAN && first + length == runs->edge)
    runs->edge = first;
  else
    free_add (runs, first, length, state, stamp, older);
}

void
sy_runs_detach (struct sy_runs *runs, uint32_t first)
{
  runs->pages[first].state = SY_RUN_DETACHED;
  runs->used -= runs->pages[first].length;
}

uint32_t
sy_runs_detach_oldest (struct sy_runs *runs, uint32_t most, uint32_t tick)
{
  uint32_t first = runs->oldest;

  if (first == SY_PAGE_NONE || (int32_t) (tick - runs->pages[first].stamp) <= 0)
    return SY_PAGE_NONE;

  struct sy_page run = runs->pages[first];
  uint32_t cut = run.length > most ? run.length - most : 0;

  free_remove (runs, first);
  if (cut != 0)
    free_add (runs, first, cut, SY_RUN_DIRTY, run.stamp, run.older);
  run_set (runs, first + cut, run.length - cut, SY_RUN_DETACHED);
  return first + cut;
}

/* ---- For tests ---- */

static bool
is_listed (const struct sy_runs *runs, uint32_t first)
{
  const struct sy_page *page = &runs->pages[first];
  uint32_t at = runs->lists[page->state == SY_RUN_CLEAN].head[list_of (page->length)];

  while (at != first && at != SY_PAGE_NONE)
    at = runs->pages[at].next;
  return at == first;
}

static bool
ages_are_valid (const struct sy_runs *runs, uint32_t count)
{
  uint32_t older = SY_PAGE_NONE, stamp = 0;

  for (uint32_t at = runs->oldest; at != SY_PAGE_NONE; older = at, at = runs->pages[at].younger)
    {
      const struct sy_page *page = &runs->pages[at];

      if (page->state != SY_RUN_DIRTY || page->older != older || page->stamp < stamp
          || count-- == 0)
        return false;
      stamp = page->stamp;
    }
  return count == 0 && runs->youngest == older;
}

bool
sy_runs_is_valid (const struct sy_runs *runs)
{
  uint32_t used = 0, dirty = 0, dirty_runs = 0, before = SY_RUN_INSIDE;

  for (uint32_t at = 0; at < runs->edge;)
    {
      const struct sy_page *page = &runs->pages[at];
      bool is_free = page->state >= SY_RUN_DIRTY;

      if (page->state == SY_RUN_INSIDE || page->length == 0 || page->length > runs->edge - at
          || runs->pages[at + page->length - 1].back != page->length
          || (is_free && (page->state == before || !is_listed (runs, at))))
        return false;
      for (uint32_t inside = at + 1; inside < at + page->length; inside++)
        if (runs->pages[inside].state != SY_RUN_INSIDE)
          return false;
      used += page->state == SY_RUN_USED ? page->length : 0;
      dirty += page->state == SY_RUN_DIRTY ? page->length : 0;
      dirty_runs += page->state == SY_RUN_DIRTY;
      before = page->state;
      at += page->length;
    }
  return before != SY_RUN_CLEAN && used == runs->used && dirty == runs->dirty
         && ages_are_valid (runs, dirty_runs);
}
