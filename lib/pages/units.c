/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/units.h"

#include "base/os.h"
#include "base/purge_timer.h"

/* Under the lock. */
static struct {
  uint32_t growth_at;     /* when so many units are in use or dirty, memory has grown once more */
  uint32_t wanted;        /* so many units were wanted back after they had been given up */
  uint32_t peak[2];       /* the most that were in use, in this tick and in the one before */
  uint32_t given_up[2];   /* units that went back at calls, in this tick and in the one before, and
                             for which no new ones were taken since */
  uint32_t reused[3];     /* units that were taken in this tick and had waited since before it; the
                             same of the two ticks before */
  uint32_t cleaners;      /* threads that give back memory of detached runs */
  AO_t huge;              /* enum sy_huge */
  AO_t apart_calls;       /* so often should a run have become a mapping of its own */
  struct sy_purge_timer timer;
  AO_t dirty;             /* runs->dirty; any thread reads it, relaxed: a number */
  AO_t many;              /* 1: the process has as many mappings as it may; any thread, relaxed */
} state;

static struct sy_runs *const runs = &sy_range_runs;

/* Releases the range's lock, after a change of the book. */
static void
unlock (void)
{
  AO_store (&state.dirty, runs->dirty);
  sy_lock_release (&sy_range_lock);
}

/* ---- Chains of detached runs ---- */

static void
chain_push (uint32_t *chain, uint32_t first)
{
  sy_range_unit (first)->next = *chain;
  *chain = first;
}

static uint32_t
chain_pop (uint32_t *chain)
{
  uint32_t first = *chain;

  if (first != SY_UNIT_NONE)
    *chain = sy_range_unit (first)->next;
  return first;
}

static size_t
run_bytes (uint32_t first)
{
  return (size_t) sy_range_unit (first)->length << SY_UNIT_SHIFT;
}

static uint32_t
least (uint32_t one, uint32_t other)
{
  return one < other ? one : other;
}

static uint32_t
most (uint32_t one, uint32_t other)
{
  return one > other ? one : other;
}

/* ---- Growth ---- */

/* How many units must have memory for the next growth, counted from now. */
static uint32_t
next_growth (void)
{
  uint32_t units = runs->used + runs->dirty, share = units / SY_GROWTH_UNITS_SHARE;

  return units + most (share, SY_GROWTH_UNITS);
}

/* The most units that were in use at once a short time ago. */
static uint32_t
recent_peak (void)
{
  return most (state.peak[0], state.peak[1]);
}

/* Notes that units were taken, `count` of which had no memory. */
static void
note_growth (uint32_t count)
{
  state.peak[0] = most (state.peak[0], runs->used);
  if (count == 0)
    return;
  for (unsigned age = 0; age < 2; age++)
    {
      uint32_t regretted = least (count, state.given_up[age]);

      state.given_up[age] -= regretted;
      state.wanted = least (state.wanted + regretted, most (recent_peak (), SY_DIRTY_WANTED));
      count -= regretted;
    }
  if (state.growth_at == 0)
    state.growth_at = SY_GROWTH_UNITS;
  if (runs->used + runs->dirty < state.growth_at)
    return;
  sy_own_add (&sy_range.growths, 1);
  state.growth_at = next_growth ();
}

/* Notes that units were taken, before which so many were dirty, and so many had waited since before
   this tick. */
static void
note_taken (uint32_t count, uint32_t dirty, uint32_t old)
{
  note_growth (count - (dirty - runs->dirty));
  state.reused[0] += old - runs->old;
}

/* Files a used run as free.  If it was taken in this tick and joins a longer one that has waited
   since before, it counts no more as taken from there: so what comes and goes beside much that
   waits is no reuse of all that. */
static void
file_used (uint32_t first, enum sy_run_state as)
{
  bool is_new = sy_range_unit (first)->stamp == runs->tick;
  uint32_t before = runs->old;

  sy_runs_file (runs, first, as);
  if (is_new && runs->old > before)
    state.reused[0] -= least (runs->old - before, state.reused[0]);
}

/* Notes that there is less memory. */
static void
note_loss (void)
{
  if (next_growth () < state.growth_at)
    state.growth_at = next_growth ();
}

/* ---- Huge pages on request ---- */

void
sy_units_set_huge (enum sy_huge when)
{
  AO_store (&state.huge, when);
}

enum sy_huge
sy_units_huge (void)
{
  return (enum sy_huge) AO_load (&state.huge);
}

/* A run was taken from the edge.  Where all shall have huge pages, asks for the first one that the
   run reaches before others do.  Longer runs ask for themselves. */
static void
ask_ahead (uint32_t first, uint32_t count)
{
  uintptr_t rest = -(uintptr_t) sy_range_address (first) & (SY_HUGE_PAGE_BYTES - 1);
  uint32_t page = first + (uint32_t) (rest >> SY_UNIT_SHIFT);

  if (sy_units_huge () != SY_HUGE_ALWAYS || page >= first + count || count >= SY_HUGE_UNITS)
    return;
  /* Where the edge has jumped, the page may be another's. */
  if (sy_range_grow (page + SY_HUGE_UNITS - runs->edge) && runs->edge == first + count)
    (void) sy_os_ask_huge (sy_range_address (page), SY_HUGE_PAGE_BYTES);
}

/* ---- Giving back to the system ---- */

/*
 * How many units may stay dirty: a share of those in use; or twice what was taken of those that
 * waited, in one of the last two ticks, but no more than are in use; or as many as are wanted back.
 * Those are at most SY_DIRTY_WANTED, or come with those in use to no more than were in use at once
 * before.
 */
static uint32_t
dirty_limit (void)
{
  uint32_t room = most (recent_peak (), runs->used) - runs->used,
           wanted = least (state.wanted, most (room, SY_DIRTY_WANTED)),
           reused = least (2 * most (state.reused[1], state.reused[2]), runs->used);

  return most (most (runs->used / SY_DIRTY_SHARE, reused), most (wanted, SY_DIRTY_LEAST));
}

/* Detaches up to `count` units of the oldest dirty runs, of those that were freed before the tick.
   True: there are no more. */
static bool
detach_dirty (uint32_t count, uint32_t tick, uint32_t *chain)
{
  while (count != 0 && runs->dirty != 0)
    {
      uint32_t first = sy_runs_detach_oldest (runs, count, tick);

      if (first == SY_UNIT_NONE)
        return true;
      chain_push (chain, first);
      count -= sy_range_unit (first)->length;
    }
  return count != 0;
}

/*
 * Detaches what is more than may wait, and a quarter of what may, but at most `count` units and a
 * purge's.  Of short runs twice as much may wait: they cost the most (SY_PURGE_LONG), and more
 * often than not their neighbours are soon free too.
 */
static void
detach_excess (uint32_t count, uint32_t *chain)
{
  uint32_t limit = dirty_limit (), before = runs->dirty, excess;

  if (before <= limit)
    return;
  excess = least (before - limit + limit / 4, count + SY_PURGE_UNITS);
  while (before - runs->dirty < excess)
    {
      uint32_t left = excess - (before - runs->dirty),
               first = sy_runs_detach_long (runs, runs->dirty > 2 * limit ? 1 : SY_PURGE_LONG,
                                            left > SY_PURGE_LONG ? left : SY_PURGE_LONG);

      if (first == SY_UNIT_NONE)
        break;
      chain_push (chain, first);
    }
  state.given_up[0] += before - runs->dirty;
}

/*
 * Gives a detached run's memory back, outside the lock.  Returns the run's new state;
 * SY_RUN_DETACHED: nothing is mapped there any more.  What is apart is mapped anew, so that it
 * becomes one with the range; and so is all where there are many mappings.  The system refuses
 * pages that are locked.  They are mapped anew too, and so locked no more, as if the block had been
 * unmapped; or locked and zero, if the process locks all that it maps.
 */
static enum sy_run_state
discard (uint32_t first)
{
  const struct sy_unit *run = sy_range_unit (first);
  char *start = sy_range_address (first);
  bool is_plain = run->mapping == 0, joins = !is_plain || AO_load (&state.many) != 0;

  if ((!joins && sy_os_discard (start, run_bytes (first)))
      || sy_os_map_over (start, run_bytes (first)))
    return SY_RUN_CLEAN;
  /* It stays apart if there are no mappings left, but its memory goes. */
  if (joins && sy_os_discard (start, run_bytes (first)))
    return is_plain ? SY_RUN_CLEAN : SY_RUN_DIRTY;
  /* A call that fails may have unmapped the run.  To commit what is committed asks for that. */
  return sy_os_commit (start, run_bytes (first)) ? SY_RUN_DIRTY : SY_RUN_DETACHED;
}

/* Releases the lock, gives the memory of a chain's runs back, and files them.  A run that the
   system refuses becomes dirty again.  Returns the bytes given back. */
static size_t
unlock_and_clean (uint32_t chain)
{
  uint32_t cleaned = SY_UNIT_NONE, refused = SY_UNIT_NONE, first;
  size_t bytes = 0;

  state.cleaners += chain != SY_UNIT_NONE;
  unlock ();
  if (chain == SY_UNIT_NONE)
    return 0;
  while ((first = chain_pop (&chain)) != SY_UNIT_NONE)
    {
      enum sy_run_state now = discard (first);

      if (now == SY_RUN_CLEAN)
        {
          bytes += run_bytes (first);
          chain_push (&cleaned, first);
        }
      else if (now == SY_RUN_DIRTY)
        chain_push (&refused, first);
    }

  sy_lock_take (&sy_range_lock);
  while ((first = chain_pop (&cleaned)) != SY_UNIT_NONE)
    sy_runs_file (runs, first, SY_RUN_CLEAN);
  while ((first = chain_pop (&refused)) != SY_UNIT_NONE)
    sy_runs_file (runs, first, SY_RUN_DIRTY);
  state.cleaners--;
  note_loss ();
  unlock ();
  return bytes;
}

/* Files a used run as free, or puts it on the chain if it shall not wait.  Under the lock. */
static void
give_run (uint32_t first, uint32_t *chain)
{
  if (sy_range_unit (first)->length >= SY_DIRTY_WANTED)
    {
      sy_runs_detach (runs, first);
      chain_push (chain, first);
    }
  else
    file_used (first, SY_RUN_DIRTY);
}

void
sy_units_give (uint32_t first, unsigned count)
{
  uint32_t chain = SY_UNIT_NONE, before;

  sy_lock_take (&sy_range_lock);
  before = runs->dirty;
  for (unsigned given = 0; given < count; given++)
    {
      uint32_t next = sy_range_unit (first)->next;

      give_run (first, &chain);
      first = next;
    }
  detach_excess (runs->dirty - before, &chain);
  (void) unlock_and_clean (chain);
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

/* Under the lock, after a search of so many looks. */
static uint32_t
take_locked (uint32_t count, enum sy_memory memory, uint32_t looks, bool *zero)
{
  uint32_t dirty = runs->dirty, old = runs->old, first = take_waiting (count, memory, looks);

  *zero = first == SY_UNIT_NONE;
  if (first == SY_UNIT_NONE)
    first = take_free (SY_RUN_CLEAN, count, looks);
  if (first == SY_UNIT_NONE)
    {
      if (!sy_range_grow (count))
        return SY_UNIT_NONE;
      first = sy_runs_take_edge (runs, count);
      ask_ahead (first, count);
    }
  note_taken (count, dirty, old);
  sy_range_unit (first)->stamp = runs->tick;
  sy_range_unit (first)->fresh = count - (dirty - runs->dirty);
  return first;
}

uint32_t
sy_units_take (uint32_t count, enum sy_memory memory, bool *zero)
{
  uint32_t first, cleaners;

  for (unsigned tries = 0;; tries++)
    {
      sy_lock_take (&sy_range_lock);
      first = take_locked (count, memory, tries == 0 ? SY_RUN_LOOKS : UINT32_MAX, zero);
      cleaners = state.cleaners;
      unlock ();
      if (first != SY_UNIT_NONE || (tries != 0 && cleaners == 0) || tries == SY_TAKE_TRIES)
        return first;
      if (tries != 0)
        sy_os_pause (tries);
      /* Free runs may be too short only because dirty and clean ones lie side by side. */
      (void) sy_units_purge ();
    }
}

/* Cuts a used run in two, which were taken when it was. */
static void
cut (uint32_t first, uint32_t length)
{
  sy_runs_cut (runs, first, length);
  sy_range_unit (first + length)->stamp = sy_range_unit (first)->stamp;
  sy_range_unit (first)->fresh = least (sy_range_unit (first)->fresh, length);
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
      file_used (first, end_state);
      first += before;
    }
  if (sy_range_unit (first)->length > length)
    {
      cut (first, length);
      file_used (first + length, end_state);
    }
  sy_range_unit (first)->fresh = end_state == SY_RUN_CLEAN ? length : 0;
  return first;
}

uint32_t
sy_units_take_aligned (uint32_t count, size_t alignment, enum sy_memory memory, bool *zero)
{
  uint32_t over = alignment > SY_UNIT_BYTES ? (uint32_t) (alignment >> SY_UNIT_SHIFT) - 1 : 0,
           /* Both ends go back, and as dirty ones only if they have memory. */
           first = sy_units_take (count + over,
                                  over != 0 && memory == SY_MEMORY_ANY ? SY_MEMORY_ALL : memory,
                                  zero);

  if (first == SY_UNIT_NONE || over == 0)
    return first;
  sy_lock_take (&sy_range_lock);
  first = cut_ends (first, alignment, count, *zero ? SY_RUN_CLEAN : SY_RUN_DIRTY);
  unlock ();
  return first;
}

void
sy_units_after_fork (void)
{
  state.cleaners = 0;
}

/* ---- Changing a run ---- */

void
sy_units_cut (uint32_t first, uint32_t length)
{
  uint32_t chain = SY_UNIT_NONE, before;

  sy_lock_take (&sy_range_lock);
  before = runs->dirty;
  cut (first, length);
  give_run (first + length, &chain);
  detach_excess (runs->dirty - before, &chain);
  (void) unlock_and_clean (chain);
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
      note_taken (has, dirty, old);
    }
  unlock ();
  return has;
}

bool
sy_units_has_waiting (uint32_t count)
{
  sy_lock_take (&sy_range_lock);

  uint32_t first = find_waiting (count, SY_RUN_LOOKS);
  bool has = first != SY_UNIT_NONE && sy_range_unit (first)->mapping != SY_MAPPING_MIXED;

  unlock ();
  return has;
}

/* ---- Mappings of their own ---- */

/*
 * May another run become a mapping of its own?  Linux does not always join mappings again that were
 * apart.  So now and then it is asked how many there are; if it does not say, there are too many.
 */
static bool
may_be_apart (void)
{
  if ((AO_fetch_and_add (&state.apart_calls, 1) + 1) % SY_MAPPINGS_LOOK == 0)
    AO_store (&state.many, sy_os_mappings (SY_MAPPINGS_MAX) >= SY_MAPPINGS_MAX);
  return AO_load (&state.many) == 0;
}

bool
sy_units_ask_huge (uint32_t first)
{
  uintptr_t start = (uintptr_t) sy_range_address (first), end = start + run_bytes (first),
            low = (start + SY_HUGE_PAGE_BYTES - 1) & ~(SY_HUGE_PAGE_BYTES - 1),
            high = end & ~(SY_HUGE_PAGE_BYTES - 1);

  if (low >= high || sy_units_huge () == SY_HUGE_NEVER || !may_be_apart ()
      || !sy_os_ask_huge ((void *) low, high - low))
    return false;
  sy_lock_take (&sy_range_lock);
  sy_runs_set_apart (runs, first, low == start && high == end);
  unlock ();
  return true;
}

/* Gives back the run that another was not moved to.  Returns false. */
static bool
give_place (uint32_t to)
{
  sy_units_give (to, 1);
  return false;
}

bool
sy_units_move (uint32_t from, uint32_t to)
{
  bool moves, is_mapped = true, taken;

  if (sy_range_unit (from)->mapping == SY_MAPPING_MIXED || !may_be_apart ())
    return give_place (to);
  moves = sy_os_move (sy_range_address (from), run_bytes (from), sy_range_address (to),
                      run_bytes (to));
  /* If a move failed, the system may have unmapped the new place before; or the place is as it was.
     That is so if the old one lies in several mappings. */
  is_mapped = sy_os_map_at (sy_range_address (moves ? from : to), run_bytes (moves ? from : to),
                            &taken);
  if (!moves && taken)
    return give_place (to);

  sy_lock_take (&sy_range_lock);
  if (moves)
    sy_runs_set_apart (runs, to, true);
  /* A place that cannot be mapped anew, as another thread's mapping has come there, stays detached
     for ever. */
  sy_runs_detach (runs, moves ? from : to);
  if (is_mapped)
    sy_runs_file (runs, moves ? from : to, SY_RUN_CLEAN);
  note_loss ();
  unlock ();
  return moves;
}

/* ---- Now and then ---- */

static void
next_tick (void)
{
  sy_runs_next_tick (runs);
  state.reused[2] = state.reused[1];
  state.reused[1] = state.reused[0];
  state.reused[0] = 0;
  state.given_up[1] = state.given_up[0];
  state.given_up[0] = 0;
  state.peak[1] = state.peak[0];
  state.peak[0] = runs->used;
  sy_purge_timer_end (&state.timer);
}

/* The next part of a step, under the lock: makes a chain to clean.  True: all that was due.  Of
   what waits since the tick before as much stays as was taken of that: the program works with
   it. */
static bool
purge_some (uint32_t *chain)
{
  uint32_t before = runs->dirty, spare = runs->old - least (state.reused[0], runs->old), gone;
  bool all = detach_dirty (least (spare, SY_PURGE_UNITS), runs->tick, chain);

  gone = before - runs->dirty;
  /* They waited in vain. */
  state.wanted -= least (gone, state.wanted);
  if (!all && gone != spare)
    return false;
  next_tick ();
  return true;
}

bool
sy_units_purge_is_due (uint64_t now_ns)
{
  return sy_purge_timer_is_due (&state.timer, now_ns);
}

bool
sy_units_purge_is_under_way (void)
{
  return sy_purge_timer_is_under_way (&state.timer);
}

void
sy_units_purge_step (uint64_t now_ns)
{
  uint64_t until_ns;
  bool done;

  if (!sy_lock_try (&sy_range_lock))
    return;
  done = !sy_units_purge_is_due (now_ns);
  until_ns = done ? 0 : sy_purge_timer_step (&state.timer, now_ns);
  while (!done)
    {
      uint32_t chain = SY_UNIT_NONE;

      done = purge_some (&chain);
      (void) unlock_and_clean (chain);
      done = done || sy_os_now_ns () >= until_ns;
      sy_lock_take (&sy_range_lock);
      /* Meanwhile another thread's step may have ended the purge. */
      done = done || !sy_units_purge_is_under_way ();
    }
  unlock ();
}

size_t
sy_units_purge (void)
{
  uint32_t chain = SY_UNIT_NONE;

  sy_lock_take (&sy_range_lock);
  (void) detach_dirty (UINT32_MAX, runs->tick + 1, &chain);
  return unlock_and_clean (chain);
}

size_t
sy_units_dirty_bytes (void)
{
  return (size_t) AO_load (&state.dirty) << SY_UNIT_SHIFT;
}

bool
sy_units_are_valid (void)
{
  sy_lock_take (&sy_range_lock);

  bool valid = runs->top == NULL || sy_runs_is_valid (runs);

  unlock ();
  return valid;
}
