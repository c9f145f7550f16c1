/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/dirty.h"

#include "base/os.h"
#include "base/purge_timer.h"
#include "pages/huge.h"
#include "pages/mappings.h"

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
  struct sy_purge_timer timer;
  AO_t dirty;             /* runs->dirty; any thread reads it, relaxed: a number */
} state;

static struct sy_runs *const runs = &sy_range_runs;

void
sy_dirty_unlock (void)
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

static uint32_t
least (uint32_t one, uint32_t other)
{
  return one < other ? one : other;
}

static uint32_t
larger (uint32_t one, uint32_t other)
{
  return one > other ? one : other;
}

/* ---- Growth ---- */

/* How many units must have memory for the next growth, counted from now. */
static uint32_t
next_growth (void)
{
  uint32_t units = runs->used + runs->dirty, share = units / SY_GROWTH_UNITS_SHARE;

  return units + larger (share, SY_GROWTH_UNITS);
}

/* The most units that were in use at once a short time ago. */
static uint32_t
recent_peak (void)
{
  return larger (state.peak[0], state.peak[1]);
}

/* Notes that units were taken, `count` of which had no memory. */
static void
note_growth (uint32_t count)
{
  state.peak[0] = larger (state.peak[0], runs->used);
  if (count == 0)
    return;
  for (unsigned age = 0; age < 2; age++)
    {
      uint32_t regretted = least (count, state.given_up[age]);

      state.given_up[age] -= regretted;
      state.wanted = least (state.wanted + regretted, larger (recent_peak (), SY_DIRTY_WANTED));
      count -= regretted;
    }
  if (state.growth_at == 0)
    state.growth_at = SY_GROWTH_UNITS;
  if (runs->used + runs->dirty < state.growth_at)
    return;
  sy_own_add (&sy_range.growths, 1);
  state.growth_at = next_growth ();
}

void
sy_dirty_note_taken (uint32_t count, uint32_t dirty, uint32_t old)
{
  note_growth (count - (dirty - runs->dirty));
  state.reused[0] += old - runs->old;
}

void
sy_dirty_file (uint32_t first, enum sy_run_state as)
{
  bool is_new = sy_range_unit (first)->stamp == runs->tick;
  uint32_t before = runs->old;

  sy_runs_file (runs, first, as);
  if (is_new && runs->old > before)
    state.reused[0] -= least (runs->old - before, state.reused[0]);
}

void
sy_dirty_note_loss (void)
{
  if (next_growth () < state.growth_at)
    state.growth_at = next_growth ();
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
  uint32_t room = larger (recent_peak (), runs->used) - runs->used,
           wanted = least (state.wanted, larger (room, SY_DIRTY_WANTED)),
           reused = least (2 * larger (state.reused[1], state.reused[2]), runs->used);

  return larger (larger (runs->used / SY_DIRTY_SHARE, reused), larger (wanted, SY_DIRTY_LEAST));
}

/* Puts a detached run on the chain.  One that lies in huge pages is mapped anew, as a mixed one
   is. */
static void
chain_detached (uint32_t first, bool in_huge, uint32_t *chain)
{
  if (in_huge)
    sy_range_unit (first)->mapping = SY_MAPPING_MIXED;
  chain_push (chain, first);
}

/* Detaches the last `most` units, or up to a huge page more, of what may go of a dirty run: no
   parts of huge pages, unless `parts` may.  Returns how many; 0: none may. */
static uint32_t
detach (uint32_t first, uint32_t most, bool parts, uint32_t *chain)
{
  uint32_t from = first, end = first + sy_range_unit (first)->length, start;
  bool is_plain = sy_range_unit (first)->mapping == 0;

  if (is_plain && !parts && !sy_huge_leave_parts (&from, &end))
    return 0;
  start = end - least (end - from, most);
  if (is_plain)
    start = larger (from, sy_huge_start (start));
  sy_runs_detach_part (runs, first, start, end - start);
  chain_detached (start, sy_huge_forget (start), chain);
  return end - start;
}

/*
 * Detaches about `count` units of the oldest dirty runs, of those that were freed before the tick:
 * parts of huge pages only if they waited for long, or if `all` shall go.  True: there are no more,
 * or not among the first that wait.
 */
static bool
detach_dirty (uint32_t count, uint32_t tick, bool all, uint32_t *chain)
{
  uint32_t at = runs->dirty == 0 ? SY_UNIT_NONE : runs->oldest;

  for (unsigned looks = 0; count != 0 && at != SY_UNIT_NONE && looks < SY_AHEAD_LOOKS;)
    {
      const struct sy_unit *unit = sy_range_unit (at);
      int32_t waited = (int32_t) (tick - unit->stamp);
      uint32_t older = unit->older, gone;

      if (waited <= 0)
        return true;
      gone = detach (at, count, all || waited > (int32_t) SY_AHEAD_TICKS, chain);
      count -= least (gone, count);
      if (gone != 0)
        at = older == SY_UNIT_NONE ? runs->oldest : sy_range_unit (older)->younger;
      else
        {
          at = unit->younger;
          looks++;
        }
    }
  return count != 0;
}

/* Detaches about `most` units of one of the longest dirty runs that has `shortest` or more: of the
   oldest one, if that is half as long as the longest.  False: there are none, or no parts may. */
static bool
detach_long (uint32_t shortest, uint32_t most, bool parts, uint32_t *chain)
{
  uint32_t longest = sy_runs_longest (runs), length, oldest = runs->oldest;

  if (longest == SY_UNIT_NONE || sy_range_unit (longest)->length < shortest)
    return false;
  length = larger (shortest, sy_range_unit (longest)->length / 2);
  return (sy_range_unit (oldest)->length >= length && detach (oldest, most, parts, chain) != 0)
         || detach (longest, most, parts, chain) != 0;
}

/*
 * Detaches what is more than may wait, and a quarter of what may, but at most `count` units and a
 * purge's.  Of short runs twice as much may wait: they cost the most (SY_PURGE_LONG), and more
 * often than not their neighbours are soon free too.  Of parts of huge pages twice as much again
 * may: what takes them later would have small pages.
 */
void
sy_dirty_leave_excess (uint32_t count, uint32_t *chain)
{
  uint32_t limit = dirty_limit (), before = runs->dirty, excess;

  if (before <= limit)
    return;
  excess = least (before - limit + limit / 4, count + SY_PURGE_UNITS);
  for (uint32_t gone = 0; gone < excess; gone = before - runs->dirty)
    {
      uint32_t shortest = runs->dirty > 2 * limit ? 1 : SY_PURGE_LONG;

      if (!detach_long (shortest, larger (excess - gone, SY_PURGE_LONG), runs->dirty > 4 * limit,
                        chain))
        break;
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
  bool is_plain = run->mapping == 0, joins = !is_plain || sy_mappings_are_many ();

  if ((!joins && sy_os_discard (start, sy_range_run_bytes (first)))
      || sy_os_map_over (start, sy_range_run_bytes (first)))
    return SY_RUN_CLEAN;
  /* It stays apart if there are no mappings left, but its memory goes. */
  if (joins && sy_os_discard (start, sy_range_run_bytes (first)))
    return is_plain ? SY_RUN_CLEAN : SY_RUN_DIRTY;
  /* A call that fails may have unmapped the run.  To commit what is committed asks for that. */
  return sy_os_commit (start, sy_range_run_bytes (first)) ? SY_RUN_DIRTY : SY_RUN_DETACHED;
}

size_t
sy_dirty_unlock_and_clean (uint32_t chain)
{
  uint32_t cleaned = SY_UNIT_NONE, refused = SY_UNIT_NONE, first;
  size_t bytes = 0;

  state.cleaners += chain != SY_UNIT_NONE;
  sy_dirty_unlock ();
  if (chain == SY_UNIT_NONE)
    return 0;
  sy_mappings_look ();
  while ((first = chain_pop (&chain)) != SY_UNIT_NONE)
    {
      enum sy_run_state now = discard (first);

      if (now == SY_RUN_CLEAN)
        {
          bytes += sy_range_run_bytes (first);
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
  sy_dirty_note_loss ();
  sy_dirty_unlock ();
  return bytes;
}

void
sy_dirty_give (uint32_t first, uint32_t *chain)
{
  if (sy_range_unit (first)->length >= SY_DIRTY_WANTED)
    {
      sy_runs_detach (runs, first);
      chain_detached (first, sy_huge_forget_used (first), chain);
    }
  else
    sy_dirty_file (first, SY_RUN_DIRTY);
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
  bool all = detach_dirty (least (spare, SY_PURGE_UNITS), runs->tick, false, chain);

  gone = before - runs->dirty;
  /* They waited in vain. */
  state.wanted -= least (gone, state.wanted);
  if (!all && gone != spare)
    return false;
  next_tick ();
  return true;
}

bool
sy_dirty_purge_is_due (uint64_t now_ns)
{
  return sy_purge_timer_is_due (&state.timer, now_ns);
}

bool
sy_dirty_purge_is_under_way (void)
{
  return sy_purge_timer_is_under_way (&state.timer);
}

void
sy_dirty_purge_step (uint64_t now_ns)
{
  uint64_t until_ns;
  bool done;

  if (!sy_lock_try (&sy_range_lock))
    return;
  done = !sy_dirty_purge_is_due (now_ns);
  until_ns = done ? 0 : sy_purge_timer_step (&state.timer, now_ns);
  while (!done)
    {
      uint32_t chain = SY_UNIT_NONE;

      done = purge_some (&chain);
      (void) sy_dirty_unlock_and_clean (chain);
      done = done || sy_os_now_ns () >= until_ns;
      sy_lock_take (&sy_range_lock);
      /* Meanwhile another thread's step may have ended the purge. */
      done = done || !sy_dirty_purge_is_under_way ();
    }
  sy_dirty_unlock ();
}

size_t
sy_dirty_purge (void)
{
  uint32_t chain = SY_UNIT_NONE;

  sy_lock_take (&sy_range_lock);
  (void) detach_dirty (UINT32_MAX, runs->tick + 1, true, &chain);
  return sy_dirty_unlock_and_clean (chain);
}

size_t
sy_dirty_bytes (void)
{
  return (size_t) AO_load (&state.dirty) << SY_UNIT_SHIFT;
}

uint32_t
sy_dirty_cleaners (void)
{
  return state.cleaners;
}

void
sy_dirty_after_fork (void)
{
  state.cleaners = 0;
}
