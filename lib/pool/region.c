/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/region.h"

#include "base/arena.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/purge_timer.h"

struct sy_region sy_region;

struct zone {
  uint32_t fresh, committed; /* how many of its units were ever used; how many are committed */
  uint32_t known;            /* how many of its units have a committed entry for their state */
  uint32_t dirty, clean;     /* heads of the lists */
  uint32_t dirty_count;      /* dirty slabs */
  uint32_t dirty_low;        /* the least dirty_count since the last reaping: nobody needed those */
};

static struct {
  struct sy_lock lock;
  uint32_t unit_count;       /* whole units in the range; the last zone may lack one */
  uint32_t dirty_units;      /* units of dirty slabs, in all zones */
  uint32_t units;            /* units with memory: in slabs that are in use or dirty */
  uint32_t growth_at;        /* when `units` reaches this, it has grown once more */
  uint32_t moved;            /* slabs that are mappings of their own, because memory moved there */
  bool moves_ended;          /* a move has lost a slab, and no more are made */
  struct sy_purge_timer timer;      /* of reaping; written under the lock */
  struct zone zone[SY_CLASSES];
} state = { .lock = SY_LOCK_INIT (SY_RANK_REGION) };

/* Sets up sy_region.  The range starts at a page; its first whole unit may start a little later. */
static void
open_range (struct sy_arena range, void *near, void *far)
{
  size_t skip = -(uintptr_t) range.base & (SY_UNIT_BYTES - 1);

  for (unsigned class = 0; class < SY_CLASSES; class++)
    state.zone[class] = (struct zone) { 0, 0, SY_NEAR_UNITS, SY_SLAB_NONE, SY_SLAB_NONE, 0, 0 };
  state.unit_count = (uint32_t) ((range.reserved - skip) >> SY_UNIT_SHIFT);
  sy_region.base = range.base + skip;
  sy_region.near = near;
  sy_region.far = far;
  for (sy_region.zone_shift = SY_ZONE_SHIFT - SY_UNIT_SHIFT;
       (size_t) SY_CLASSES << sy_region.zone_shift > range.reserved >> SY_UNIT_SHIFT;)
    sy_region.zone_shift--;
  sy_region.skew_mask = (((uint32_t) 1 << sy_region.zone_shift) - 1) / SY_ZONE_SKEW_SHARE;
  sy_region.bytes = (range.reserved - skip) & ~(SY_UNIT_BYTES - 1);
}

#define NEAR_BYTES ((size_t) SY_CLASSES * SY_NEAR_UNITS * sizeof (struct sy_slab))

/*
 * How long a range to ask for.  A pool's map has one byte for each unit, and counts as data; it may
 * be only a small part of a limit on data.
 */
static size_t
wanted_bytes (void)
{
  size_t bytes = (size_t) SY_CLASSES << SY_ZONE_SHIFT, limit = sy_os_data_limit ();

  while (bytes >> SY_UNIT_SHIFT > limit / SY_MAP_LIMIT_SHARE
         && bytes > (size_t) SY_CLASSES << SY_ZONE_SHIFT_MIN)
    bytes /= 2;
  return bytes;
}

static bool
open_locked (void)
{
  struct sy_arena range;

  if (sy_region.bytes != 0)
    return true;
  if (!sy_arena_open (&range, wanted_bytes (), (size_t) SY_CLASSES << SY_ZONE_SHIFT_MIN,
                      SY_RANGE_LIMIT_SHARE))
    return false;

  size_t far_bytes = (range.reserved >> SY_UNIT_SHIFT) * sizeof (struct sy_slab);
  void *near = sy_os_map (NEAR_BYTES), *far = near == NULL ? NULL : sy_os_reserve (far_bytes);

  if (far == NULL)
    {
      if (near != NULL)
        sy_os_unmap (near, NEAR_BYTES);
      sy_os_unmap (range.base, range.reserved);
      return false;
    }
  open_range (range, near, far);
  return true;
}

bool
sy_region_open (void)
{
  sy_lock_take (&state.lock);

  bool open = open_locked ();

  sy_lock_release (&state.lock);
  return open;
}

static struct zone *
zone_of (uint32_t slab)
{
  return &state.zone[sy_slab_class (slab)];
}

static uint32_t
units_of (uint32_t slab)
{
  return sy_size_classes[sy_slab_class (slab)].units;
}

/* The number of the unit behind the class's last whole slab. */
static uint32_t
end_of (unsigned class)
{
  uint32_t end = (uint32_t) (class + 1) << sy_region.zone_shift;

  return (end < state.unit_count ? end : state.unit_count)
         & (uint32_t) -(int32_t) sy_size_classes[class].units;
}

uint32_t
sy_region_used (unsigned class, uint32_t *first)
{
  sy_lock_take (&state.lock);

  uint32_t used = state.zone[class].fresh;

  sy_lock_release (&state.lock);
  *first = sy_zone_first (class);
  return used;
}

bool
sy_region_is_used (uint32_t slab)
{
  uint32_t first, used = sy_region_used (slab >> sy_region.zone_shift, &first);

  return slab - first < used;
}

static uint32_t
list_pop (uint32_t *head)
{
  uint32_t slab = *head;

  if (slab != SY_SLAB_NONE)
    *head = sy_slab_at (slab)->next;
  return slab;
}

static void
list_push (uint32_t *head, uint32_t slab)
{
  sy_slab_at (slab)->next = *head;
  *head = slab;
}

static void
push_dirty (uint32_t slab)
{
  struct zone *zone = zone_of (slab);

  list_push (&zone->dirty, slab);
  zone->dirty_count++;
  state.dirty_units += units_of (slab);
}

static uint32_t
pop_dirty (struct zone *zone)
{
  uint32_t slab = list_pop (&zone->dirty);

  if (slab != SY_SLAB_NONE)
    {
      zone->dirty_count--;
      state.dirty_units -= units_of (slab);
    }
  return slab;
}

/* How many units to commit from number next on: a share of those that the zone has, in whole slabs,
   and at least one slab. */
static uint32_t
step_from (const struct zone *zone, uint32_t next, uint32_t end)
{
  uint32_t left = next < end ? end - next : 0, slab = sy_size_classes[sy_slab_class (next)].units;
  uint32_t step = (zone->committed / SY_COMMIT_SHARE < SY_COMMIT_UNITS
                     ? zone->committed / SY_COMMIT_SHARE
                     : SY_COMMIT_UNITS)
                  & (uint32_t) -(int32_t) slab;

  if (step < slab)
    step = slab;
  return left < step ? left : step;
}

/* Commits the entries of the zone's next units.  Two zones' entries may share a page, which is then
   committed twice. */
static bool
know_more (struct zone *zone, uint32_t next, uint32_t end)
{
  uintptr_t page = sy_os_page_bytes (), count = step_from (zone, next, end);
  uintptr_t start = (uintptr_t) &sy_region.far[next] & ~(page - 1),
            stop = ((uintptr_t) &sy_region.far[next + count] + page - 1) & ~(page - 1);

  if (count == 0 || !sy_os_commit ((void *) start, stop - start))
    return false;
  zone->known += (uint32_t) count;
  return true;
}

/* Commits the zone's next units, or those of one slab if the system refuses more. */
static bool
commit_more (struct zone *zone, uint32_t next, uint32_t end)
{
  uint32_t count = step_from (zone, next, end), slab = sy_size_classes[sy_slab_class (next)].units;

  if (count == 0)
    return false;
  if (!sy_os_commit (sy_region_address (next), count * SY_UNIT_BYTES))
    {
      if (count == slab || !sy_os_commit (sy_region_address (next), slab * SY_UNIT_BYTES))
        return false;
      count = slab;
    }
  zone->committed += count;
  return true;
}

static uint32_t
fresh_slab (unsigned class)
{
  struct zone *zone = &state.zone[class];
  uint32_t next = sy_zone_first (class) + zone->fresh, end = end_of (class);

  if ((zone->fresh == zone->known && !know_more (zone, next, end))
      || (zone->fresh == zone->committed && !commit_more (zone, next, end)))
    return SY_SLAB_NONE;
  zone->fresh += sy_size_classes[class].units;
  return next;
}

/* Moves up to count dirty slabs from the zone's list to the chain.  Returns how many. */
static uint32_t
detach_dirty_slabs (struct zone *zone, uint32_t count, uint32_t *chain)
{
  uint32_t taken = 0;

  for (; taken < count && zone->dirty_count != 0; taken++)
    list_push (chain, pop_dirty (zone));
  return taken;
}

/*
 * The zone with the most dirty slabs among those whose slabs have this many units.  If there is
 * none, the zone with the most dirty units; and zone 0 if there are no dirty at all.
 */
static struct zone *
zone_with_most_dirty (uint32_t units)
{
  unsigned most = 0, fitting = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      uint32_t length = sy_size_classes[class].units, dirty = state.zone[class].dirty_count;

      if (dirty * length > state.zone[most].dirty_count * sy_size_classes[most].units)
        most = class;
      if (length == units && dirty > state.zone[fitting].dirty_count)
        fitting = class;
    }
  return &state.zone[fitting != 0 ? fitting : most];
}

/* How many units must have memory for the next growth, counted from now. */
static uint32_t
next_growth (void)
{
  uint32_t share = state.units / SY_GROWTH_UNITS_SHARE;

  return state.units + (share > SY_GROWTH_UNITS ? share : SY_GROWTH_UNITS);
}

/* Notes that a slab of this many units is about to get memory from the system. */
static void
note_memory (uint32_t units)
{
  state.units += units;
  if (state.units < state.growth_at)
    return;
  sy_own_add (&sy_region.growths, 1);
  state.growth_at = next_growth ();
}

/* Makes a moved slab without pages a part of the range's mapping again.  False: the system refuses,
   and the slab must not be used any more. */
static bool
join (uint32_t slab)
{
  if (!sy_os_remap (sy_region_address (slab), units_of (slab) * SY_UNIT_BYTES))
    return false;
  sy_slab_at (slab)->moved = 0;
  return true;
}

/* Files a slab without pages as clean.  Under the lock. */
static void
file_clean (uint32_t slab)
{
  sy_slab_at (slab)->touched = 0;
  list_push (&zone_of (slab)->clean, slab);
  state.units -= units_of (slab);
  if (next_growth () < state.growth_at)
    state.growth_at = next_growth ();
}

/* Gives a chain's pages back, outside the lock, and files the slabs as clean.  Slabs that the
   system refuses become dirty again.  Returns the bytes given back. */
static size_t
clean_chain (uint32_t chain)
{
  uint32_t cleaned = SY_SLAB_NONE, refused = SY_SLAB_NONE, slab, joined = 0;
  size_t bytes = 0;

  while ((slab = list_pop (&chain)) != SY_SLAB_NONE)
    {
      unsigned moved = sy_slab_at (slab)->moved;

      if (!sy_os_discard (sy_region_address (slab), units_of (slab) * SY_UNIT_BYTES))
        list_push (&refused, slab);
      else
        {
          bytes += units_of (slab) * SY_UNIT_BYTES;
          if (moved != 0 && !join (slab))
            continue;
          joined += moved;
          list_push (&cleaned, slab);
        }
    }

  sy_lock_take (&state.lock);
  state.moved -= joined;
  while ((slab = list_pop (&cleaned)) != SY_SLAB_NONE)
    file_clean (slab);
  while ((slab = list_pop (&refused)) != SY_SLAB_NONE)
    push_dirty (slab);
  sy_lock_release (&state.lock);
  return bytes;
}

/*
 * Moves the memory of a slab that was dirty to a slab of the same length that has none.  This saves
 * the system from taking pages back, clearing them and giving them again one by one.  Outside the
 * lock; both slabs belong to the caller.
 */
static enum sy_moved
move_memory (uint32_t from, uint32_t to)
{
  struct sy_slab *entry = sy_slab_at (to);
  enum sy_moved moved = sy_os_move (sy_region_address (from), sy_region_address (to),
                                    units_of (from) * SY_UNIT_BYTES);
  bool was_moved = sy_slab_at (from)->moved != 0,
       is_usable = moved != SY_MOVED || !was_moved || join (from);

  sy_lock_take (&state.lock);
  if (moved == SY_MOVED)
    {
      state.moved += 1u - entry->moved - (was_moved && is_usable);
      entry->moved = 1;
      entry->touched = (uint16_t) sy_size_classes[sy_slab_class (to)].blocks;
      if (is_usable)
        file_clean (from);
    }
  else if (moved == SY_MOVE_LOST)
    {
      /* This slab is lost.  Another move could lose another. */
      state.moves_ended = true;
      state.units -= units_of (to);
    }
  sy_lock_release (&state.lock);
  return moved;
}

/* May the memory of slab `from` be moved to slab `to`?  Under the lock. */
static bool
may_move (uint32_t from, uint32_t to)
{
  return from != SY_SLAB_NONE && to != SY_SLAB_NONE && units_of (from) == units_of (to)
         && state.moved < SY_MOVED_SLABS_MAX && !state.moves_ended;
}

uint32_t
sy_region_take (unsigned class)
{
  struct zone *zone = &state.zone[class];
  uint32_t chain = SY_SLAB_NONE;
  enum sy_moved moved = SY_MOVE_REFUSED;

  sy_lock_take (&state.lock);

  uint32_t slab = pop_dirty (zone);

  if (zone->dirty_count < zone->dirty_low)
    zone->dirty_low = zone->dirty_count;
  if (slab == SY_SLAB_NONE)
    {
      /* This class takes new memory.  If much waits for other classes, a dirty slab's memory is
         moved here, or goes back to the system in exchange. */
      if (state.dirty_units > SY_DIRTY_UNITS)
        (void) detach_dirty_slabs (zone_with_most_dirty (sy_size_classes[class].units), 1, &chain);
      slab = list_pop (&zone->clean);
      if (slab == SY_SLAB_NONE)
        slab = fresh_slab (class);
      if (slab != SY_SLAB_NONE)
        note_memory (units_of (slab));
    }

  bool moves = may_move (chain, slab);

  sy_lock_release (&state.lock);
  if (moves)
    moved = move_memory (chain, slab);
  if (moved != SY_MOVED && chain != SY_SLAB_NONE)
    (void) clean_chain (chain);
  return moved == SY_MOVE_LOST ? sy_region_take (class) : slab;
}

void
sy_region_give (uint32_t first, unsigned count)
{
  sy_lock_take (&state.lock);
  for (unsigned given = 0; given < count; given++)
    {
      uint32_t slab = first;

      first = sy_slab_at (slab)->next;
      push_dirty (slab);
    }
  sy_lock_release (&state.lock);
}

bool
sy_region_reap_is_due (uint64_t now_ns)
{
  return sy_purge_timer_is_due (&state.timer, now_ns);
}

/* Detaches up to SY_REAP_UNITS of the dirty slabs that nobody needed.  True: these were all. */
static bool
detach_unneeded (uint32_t *chain)
{
  uint32_t left = SY_REAP_UNITS;
  bool all = true;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      struct zone *zone = &state.zone[class];
      uint32_t units = sy_size_classes[class].units,
               unneeded = zone->dirty_low < zone->dirty_count ? zone->dirty_low : zone->dirty_count;
      uint32_t taken = detach_dirty_slabs (zone, unneeded < left / units ? unneeded : left / units,
                                           chain);

      left -= taken * units;
      zone->dirty_low = unneeded - taken;
      all = all && taken == unneeded;
    }
  return all;
}

/* The next part of a step, under the lock: makes a chain to clean.  True: the reaping is
   complete. */
static bool
clean_some (uint32_t *chain)
{
  if (!detach_unneeded (chain))
    return false;
  for (unsigned class = 1; class < SY_CLASSES; class++)
    state.zone[class].dirty_low = state.zone[class].dirty_count;
  sy_purge_timer_end (&state.timer);
  return true;
}

void
sy_region_reap (uint64_t now_ns)
{
  uint64_t until_ns;
  bool done = !sy_region_reap_is_due (now_ns);

  if (done || !sy_lock_try (&state.lock))
    return;
  done = !sy_region_reap_is_due (now_ns);
  until_ns = done ? 0 : sy_purge_timer_step (&state.timer, now_ns);
  while (!done)
    {
      uint32_t chain = SY_SLAB_NONE;

      done = clean_some (&chain);
      sy_lock_release (&state.lock);
      (void) clean_chain (chain);
      done = done || sy_os_now_ns () >= until_ns;
      sy_lock_take (&state.lock);
      /* Meanwhile another thread's step may have completed the reaping. */
      done = done || AO_load (&state.timer.under_way) == 0;
    }
  sy_lock_release (&state.lock);
}

size_t
sy_region_purge (void)
{
  uint32_t chain = SY_SLAB_NONE;

  sy_lock_take (&state.lock);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      (void) detach_dirty_slabs (&state.zone[class], UINT32_MAX, &chain);
      state.zone[class].dirty_low = 0;
    }
  sy_lock_release (&state.lock);
  return clean_chain (chain);
}

size_t
sy_region_dirty_bytes (void)
{
  sy_lock_take (&state.lock);

  size_t bytes = state.dirty_units * SY_UNIT_BYTES;

  sy_lock_release (&state.lock);
  return bytes;
}

struct sy_lock *
sy_region_lock (void)
{
  return &state.lock;
}
