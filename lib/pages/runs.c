/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/runs.h"

void
sy_runs_open (struct sy_runs *runs, struct sy_unit *top)
{
  *runs = (struct sy_runs) { .top = top, .oldest = SY_UNIT_NONE, .youngest = SY_UNIT_NONE };
  for (unsigned state = SY_RUN_APART; state <= SY_RUN_CLEAN; state++)
    for (unsigned list = 0; list < SY_RUN_LISTS; list++)
      runs->lists[state - SY_RUN_APART].head[list] = SY_UNIT_NONE;
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
  return &runs->lists[state - SY_RUN_APART];
}

static void
list_add (struct sy_runs *runs, uint32_t first)
{
  struct sy_unit *unit = sy_unit_of (runs, first);
  struct sy_run_lists *lists = lists_of (runs, unit->state);
  unsigned list = list_of (unit->length);

  unit->previous = SY_UNIT_NONE;
  unit->next = lists->head[list];
  if (unit->next != SY_UNIT_NONE)
    sy_unit_of (runs, unit->next)->previous = first;
  lists->head[list] = first;
  lists->filled[list / 64] |= UINT64_C (1) << list % 64;
}

static void
run_list_remove (struct sy_runs *runs, uint32_t first)
{
  struct sy_unit *unit = sy_unit_of (runs, first);
  struct sy_run_lists *lists = lists_of (runs, unit->state);
  unsigned list = list_of (unit->length);

  if (unit->next != SY_UNIT_NONE)
    sy_unit_of (runs, unit->next)->previous = unit->previous;
  if (unit->previous != SY_UNIT_NONE)
    sy_unit_of (runs, unit->previous)->next = unit->next;
  else
    {
      lists->head[list] = unit->next;
      if (unit->next == SY_UNIT_NONE)
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

/* The shortest long enough run, and the lowest of several, among the first `looks` of a list. */
static uint32_t
list_best (const struct sy_runs *runs, uint32_t first, uint32_t length, uint32_t looks)
{
  uint32_t best = SY_UNIT_NONE, best_length = UINT32_MAX;

  for (; first != SY_UNIT_NONE && looks != 0; looks--, first = sy_unit_of (runs, first)->next)
    {
      uint32_t has = sy_unit_of (runs, first)->length;

      if (has >= length && (has < best_length || (has == best_length && first < best)))
        {
          best = first;
          best_length = has;
        }
    }
  return best;
}

uint32_t
sy_runs_find (const struct sy_runs *runs, enum sy_run_state state, uint32_t length, uint32_t looks)
{
  const struct sy_run_lists *lists = &runs->lists[state - SY_RUN_APART];
  uint32_t found = SY_UNIT_NONE;

  /* In the own list some are too short, and perhaps all of the first ones. */
  for (unsigned list = list_of (length); found == SY_UNIT_NONE; list++)
    {
      list = list_filled (lists, list);
      if (list >= SY_RUN_LISTS)
        break;
      found = list_best (runs, lists->head[list], length, looks);
    }
  return found;
}

/* The start of the last run up to `first`, a free one, from which on `length` units are free or
   behind the edge. */
static uint32_t
start_of_free (const struct sy_runs *runs, uint32_t first, uint32_t length)
{
  uint32_t has = sy_unit_of (runs, first)->length;
  bool at_edge = false;

  if (has < length)
    has += sy_runs_room_behind (runs, first, length - has, true, &at_edge);
  while (has < length && !at_edge && first != 0)
    {
      uint32_t before = first - sy_unit_of (runs, first - 1)->back;

      if (sy_unit_of (runs, before)->state < SY_RUN_APART)
        break;
      has += sy_unit_of (runs, before)->length;
      first = before;
    }
  return has < length && !at_edge ? SY_UNIT_NONE : first;
}

/* The same among runs of one state. */
static uint32_t
find_mixed_of (const struct sy_runs *runs, enum sy_run_state state, uint32_t length,
               uint32_t looks)
{
  uint32_t found = SY_UNIT_NONE, longest = length < runs->edge ? length : runs->edge;

  if (length < 4 || length / 4 > longest)
    return SY_UNIT_NONE;
  for (unsigned list = list_of (longest), last = list_of (length / 4); list >= last; list--)
    for (uint32_t at = runs->lists[state - SY_RUN_APART].head[list];
         at != SY_UNIT_NONE && found == SY_UNIT_NONE && looks != 0; looks--)
      {
        found = start_of_free (runs, at, length);
        at = sy_unit_of (runs, at)->next;
      }
  return found;
}

uint32_t
sy_runs_find_mixed (const struct sy_runs *runs, uint32_t length, uint32_t looks)
{
  uint32_t found = find_mixed_of (runs, SY_RUN_APART, length, looks);

  return found != SY_UNIT_NONE ? found : find_mixed_of (runs, SY_RUN_DIRTY, length, looks);
}

/* ---- The list of ages ---- */

/* Puts a run behind `older`, or first if that is SY_UNIT_NONE. */
static void
age_add_behind (struct sy_runs *runs, uint32_t first, uint32_t older)
{
  struct sy_unit *unit = sy_unit_of (runs, first);
  uint32_t *before = older == SY_UNIT_NONE ? &runs->oldest : &sy_unit_of (runs, older)->younger;

  unit->older = older;
  unit->younger = *before;
  *before = first;
  if (unit->younger != SY_UNIT_NONE)
    sy_unit_of (runs, unit->younger)->older = first;
  else
    runs->youngest = first;
}

static void
age_remove (struct sy_runs *runs, uint32_t first)
{
  struct sy_unit *unit = sy_unit_of (runs, first);

  if (unit->older != SY_UNIT_NONE)
    sy_unit_of (runs, unit->older)->younger = unit->younger;
  else
    runs->oldest = unit->younger;
  if (unit->younger != SY_UNIT_NONE)
    sy_unit_of (runs, unit->younger)->older = unit->older;
  else
    runs->youngest = unit->older;
}

/* ---- Runs ---- */

static void
run_set (struct sy_runs *runs, uint32_t first, uint32_t length, enum sy_run_state state,
         uint32_t mapping)
{
  sy_unit_of (runs, first)->state = state;
  sy_unit_of (runs, first)->mapping = mapping;
  sy_unit_of (runs, first)->length = length;
  sy_unit_of (runs, first + length - 1)->back = length;
}

/* Is it free, and has its memory? */
static bool
is_waiting (const struct sy_unit *unit)
{
  return unit->state == SY_RUN_DIRTY || unit->state == SY_RUN_APART;
}

/* Takes a free run out of its lists.  Its entry stays as it is. */
static void
free_remove (struct sy_runs *runs, uint32_t first)
{
  struct sy_unit *unit = sy_unit_of (runs, first);

  run_list_remove (runs, first);
  if (is_waiting (unit))
    {
      age_remove (runs, first);
      runs->dirty -= unit->length;
      runs->old -= unit->stamp == runs->tick ? 0 : unit->length;
    }
}

/* Files a free run with the state, the mapping and the age of another. */
static void
free_add (struct sy_runs *runs, uint32_t first, uint32_t length, const struct sy_unit *like)
{
  run_set (runs, first, length, like->state, like->mapping);
  list_add (runs, first);
  if (!is_waiting (like))
    return;
  sy_unit_of (runs, first)->stamp = like->stamp;
  age_add_behind (runs, first, like->older);
  runs->dirty += length;
  runs->old += like->stamp == runs->tick ? 0 : length;
}

/* The mapping of a run that is made of two. */
static uint32_t
joined_mapping (uint32_t one, uint32_t other)
{
  return one == other ? one : SY_MAPPING_MIXED;
}

void
sy_runs_next_tick (struct sy_runs *runs)
{
  runs->tick++;
  runs->old = runs->dirty;
}

void
sy_runs_take (struct sy_runs *runs, uint32_t first, uint32_t length)
{
  struct sy_unit run = *sy_unit_of (runs, first);

  free_remove (runs, first);
  if (run.length > length)
    free_add (runs, first + length, run.length - length, &run);
  run_set (runs, first, length, SY_RUN_USED, run.mapping);
  runs->used += length;
}

/* Gives a part of a free run another state. */
static void
cut_part (struct sy_runs *runs, uint32_t first, uint32_t from, uint32_t length,
          enum sy_run_state state)
{
  struct sy_unit run = *sy_unit_of (runs, first);
  uint32_t before = from - first, behind = run.length - before - length;

  free_remove (runs, first);
  if (before != 0)
    free_add (runs, first, before, &run);
  if (behind != 0)
    free_add (runs, from + length, behind, &run);
  run_set (runs, from, length, state, run.mapping);
}

uint32_t
sy_runs_take_end (struct sy_runs *runs, uint32_t first, uint32_t length)
{
  uint32_t has = sy_unit_of (runs, first)->length, taken = length < has ? length : has;

  cut_part (runs, first, first + has - taken, taken, SY_RUN_USED);
  runs->used += taken;
  return first + has - taken;
}

uint32_t
sy_runs_take_edge (struct sy_runs *runs, uint32_t length)
{
  uint32_t first = runs->edge;

  runs->edge += length;
  run_set (runs, first, length, SY_RUN_USED, 0);
  runs->used += length;
  return first;
}

uint32_t
sy_runs_room_behind (const struct sy_runs *runs, uint32_t first, uint32_t wanted,
                     bool may_be_apart, bool *at_edge)
{
  uint32_t next = first + sy_unit_of (runs, first)->length, room = 0;
  enum sy_run_state least = may_be_apart ? SY_RUN_APART : SY_RUN_DIRTY;

  while (room < wanted && next < runs->edge && sy_unit_of (runs, next)->state >= least)
    {
      room += sy_unit_of (runs, next)->length;
      next += sy_unit_of (runs, next)->length;
    }
  *at_edge = next == runs->edge;
  return room < wanted ? room : wanted;
}

void
sy_runs_extend (struct sy_runs *runs, uint32_t first, uint32_t more)
{
  struct sy_unit *run = sy_unit_of (runs, first);

  while (more != 0)
    {
      uint32_t next = first + run->length, step = more;

      if (next != runs->edge && sy_unit_of (runs, next)->length < more)
        step = sy_unit_of (runs, next)->length;

      if (next == runs->edge)
        (void) sy_runs_take_edge (runs, step);
      else
        sy_runs_take (runs, next, step);
      sy_unit_of (runs, next)->state = SY_RUN_INSIDE;
      run->mapping = joined_mapping (run->mapping, sy_unit_of (runs, next)->mapping);
      run->length += step;
      sy_unit_of (runs, first + run->length - 1)->back = run->length;
      more -= step;
    }
}

void
sy_runs_cut (struct sy_runs *runs, uint32_t first, uint32_t length)
{
  struct sy_unit run = *sy_unit_of (runs, first);

  run_set (runs, first + length, run.length - length, run.state, run.mapping);
  run_set (runs, first, length, run.state, run.mapping);
}

void
sy_runs_set_apart (struct sy_runs *runs, uint32_t first, bool in_one)
{
  /* After so many, two mappings have the same number: the system does not move both at once. */
  runs->mapping = runs->mapping < SY_MAPPING_MAX ? runs->mapping + 1 : SY_MAPPING_MIXED;
  runs->mapping += runs->mapping <= SY_MAPPING_MIXED;
  sy_unit_of (runs, first)->mapping = in_one ? runs->mapping : SY_MAPPING_MIXED;
}

void
sy_runs_file (struct sy_runs *runs, uint32_t first, enum sy_run_state state)
{
  struct sy_unit run = *sy_unit_of (runs, first);
  uint32_t length = run.length, next = first + length;
  /* What was detached is of now, whatever it joins: this tick's purge does not try it again. */
  uint32_t longest = run.state == SY_RUN_DETACHED ? UINT32_MAX : length;
  uint32_t before = first == 0 ? SY_UNIT_NONE : first - sy_unit_of (runs, first - 1)->back,
           neighbours[2] = { before, next == runs->edge ? SY_UNIT_NONE : next };

  if (run.state == SY_RUN_USED)
    runs->used -= length;
  if (state == SY_RUN_CLEAN)
    run.mapping = 0;
  run.state = run.mapping == 0 ? state : SY_RUN_APART;
  run.stamp = runs->tick;
  run.older = runs->youngest;
  sy_unit_of (runs, first)->state = SY_RUN_INSIDE;
  for (unsigned side = 0; side < 2; side++)
    {
      uint32_t at = neighbours[side];
      struct sy_unit *unit = at == SY_UNIT_NONE ? NULL : sy_unit_of (runs, at);

      if (unit == NULL || unit->state != run.state)
        continue;
      free_remove (runs, at);
      if (run.older == at)
        run.older = unit->older;
      /* The joined run gets the age of its longest part.  So small runs that come and go beside a
         long run do not keep it young, and an old rest does not make a young long run old. */
      if (unit->length > longest)
        {
          longest = unit->length;
          run.stamp = unit->stamp;
          run.older = unit->older;
        }
      run.mapping = joined_mapping (run.mapping, unit->mapping);
      length += unit->length;
      first = at < first ? at : first;
      unit->state = SY_RUN_INSIDE;
    }
  if (state == SY_RUN_CLEAN && first + length == runs->edge)
    runs->edge = first;
  else
    free_add (runs, first, length, &run);
}

void
sy_runs_detach (struct sy_runs *runs, uint32_t first)
{
  sy_unit_of (runs, first)->state = SY_RUN_DETACHED;
  runs->used -= sy_unit_of (runs, first)->length;
}

void
sy_runs_detach_part (struct sy_runs *runs, uint32_t first, uint32_t from, uint32_t length)
{
  cut_part (runs, first, from, length, SY_RUN_DETACHED);
}

/* A run of the lists' last one that is not empty: of their longest.  SY_UNIT_NONE: all are. */
static uint32_t
list_last (const struct sy_run_lists *lists)
{
  for (unsigned word = SY_RUN_LISTS / 64; word-- != 0;)
    if (lists->filled[word] != 0)
      return lists->head[64 * word + 63 - (unsigned) __builtin_clzll (lists->filled[word])];
  return SY_UNIT_NONE;
}

static uint32_t
length_of (const struct sy_runs *runs, uint32_t first)
{
  return first == SY_UNIT_NONE ? 0 : sy_unit_of (runs, first)->length;
}

uint32_t
sy_runs_longest (const struct sy_runs *runs)
{
  uint32_t dirty = list_last (&runs->lists[SY_RUN_DIRTY - SY_RUN_APART]),
           apart = list_last (&runs->lists[0]);

  return length_of (runs, apart) > length_of (runs, dirty) ? apart : dirty;
}

/* ---- For tests ---- */

static bool
is_listed (const struct sy_runs *runs, uint32_t first)
{
  const struct sy_unit *unit = sy_unit_of (runs, first);
  uint32_t at = runs->lists[unit->state - SY_RUN_APART].head[list_of (unit->length)];

  while (at != first && at != SY_UNIT_NONE)
    at = sy_unit_of (runs, at)->next;
  return at == first;
}

static bool
ages_are_valid (const struct sy_runs *runs, uint32_t count)
{
  uint32_t older = SY_UNIT_NONE, stamp = 0, old = 0;

  for (uint32_t at = runs->oldest; at != SY_UNIT_NONE;
       older = at, at = sy_unit_of (runs, at)->younger)
    {
      const struct sy_unit *unit = sy_unit_of (runs, at);

      if (!is_waiting (unit) || unit->older != older || unit->stamp < stamp
          || count-- == 0)
        return false;
      stamp = unit->stamp;
      old += stamp == runs->tick ? 0 : unit->length;
    }
  return count == 0 && runs->youngest == older && runs->old == old;
}

/* Is the entry that of a run which may begin here, behind a run with this state? */
static bool
run_is_valid (const struct sy_runs *runs, uint32_t first, enum sy_run_state before)
{
  const struct sy_unit *unit = sy_unit_of (runs, first);
  bool is_free = unit->state >= SY_RUN_APART;

  if (unit->state == SY_RUN_INSIDE || unit->length == 0 || unit->length > runs->edge - first
      || sy_unit_of (runs, first + unit->length - 1)->back != unit->length
      || (is_free && (unit->state == before || !is_listed (runs, first)))
      || (is_free && (unit->mapping != 0) != (unit->state == SY_RUN_APART)))
    return false;
  for (uint32_t inside = first + 1; inside < first + unit->length; inside++)
    if (sy_unit_of (runs, inside)->state != SY_RUN_INSIDE)
      return false;
  return true;
}

bool
sy_runs_is_valid (const struct sy_runs *runs)
{
  uint32_t used = 0, dirty = 0, waiting = 0;
  enum sy_run_state before = SY_RUN_INSIDE;

  for (uint32_t at = 0; at < runs->edge; at += sy_unit_of (runs, at)->length)
    {
      const struct sy_unit *unit = sy_unit_of (runs, at);

      if (!run_is_valid (runs, at, before))
        return false;
      used += unit->state == SY_RUN_USED ? unit->length : 0;
      dirty += is_waiting (unit) ? unit->length : 0;
      waiting += is_waiting (unit);
      before = unit->state;
    }
  return before != SY_RUN_CLEAN && used == runs->used && dirty == runs->dirty
         && ages_are_valid (runs, waiting);
}
