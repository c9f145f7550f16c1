/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/range.h"

#include "base/arena.h"
#include "base/os.h"

struct sy_range sy_range;
struct sy_runs sy_range_runs;
struct sy_lock sy_range_lock = SY_LOCK_INIT (SY_RANK_RANGE);

/* Under the lock. */
static struct sy_arena map, book = { .is_down = true }, range;

/* Bytes that the edge has jumped over.  Written under the lock; relaxed: a number. */
static AO_t jumped_over;

/* How long a range to ask for. */
static size_t
wanted_bytes (void)
{
  size_t memory = sy_os_memory_bytes ();

  return SY_WORD_BITS == 64 && memory > SY_RANGE_LEAST / SY_RANGE_MEMORIES
           ? SY_RANGE_MEMORIES * memory
           : SY_RANGE_LEAST;
}

/* Opens an arena with an entry of so many bytes for each unit of a range, and for the edge behind
   the last one. */
static bool
open_entries (struct sy_arena *arena, size_t range_bytes, size_t entry_bytes)
{
  size_t bytes = ((range_bytes >> SY_UNIT_SHIFT) + 1) * entry_bytes;

  return arena->origin != NULL
         || sy_arena_open (arena, bytes, SY_UNIT_BYTES, SY_ARENA_LIMIT_SHARE);
}

static bool
open_locked (void)
{
  size_t bytes = wanted_bytes ();

  if (sy_range.map != NULL)
    return true;
  /* The map comes to lie behind the metadata, and the range behind the book: two mappings, near
     each other.  So a fork has little to copy. */
  if (!open_entries (&map, bytes, sizeof *sy_range.map)
      || !open_entries (&book, bytes, sizeof (struct sy_unit))
      || (range.origin == NULL
          && !sy_arena_open (&range, bytes, SY_RANGE_RESERVED_MIN, SY_RANGE_LIMIT_SHARE)))
    return false;
  sy_range.base = (uintptr_t) range.origin;
  sy_range.map = (unsigned int *) (void *) map.origin;
  sy_range.entries
    = (uintptr_t) map.origin - (sy_range.base >> SY_UNIT_SHIFT) * sizeof *sy_range.map;
  sy_runs_open (&sy_range_runs, (struct sy_unit *) (void *) book.origin);
  return true;
}

bool
sy_range_open (void)
{
  sy_lock_take (&sy_range_lock);

  bool open = open_locked ();

  sy_lock_release (&sy_range_lock);
  return open;
}

/* Maps what the map and the book need for so many units. */
static bool
know (size_t units)
{
  return sy_arena_grow (&map, units * sizeof *sy_range.map)
         && sy_arena_grow (&book, (units + 1) * sizeof (struct sy_unit));
}

/* The range may be mapped farther than the map, as each grows in its own steps. */
static void
publish (void)
{
  size_t known = map.mapped / sizeof *sy_range.map << SY_UNIT_SHIFT;
  size_t bytes = known < range.mapped ? known : range.mapped;

  /* release: pairs with the reads in sy_range_has and in hits, as range.h says. */
  AO_store_release (&sy_range.granules, (AO_t) (bytes >> SY_GRANULE_SHIFT));
}

/* Something else is mapped behind the range.  Files what is mapped of the range as free, and lets
   the edge jump over the other. */
static bool
jump (uint32_t count)
{
  size_t old_end = range.mapped, to = sy_arena_jump (&range, count * SY_UNIT_BYTES);
  uint32_t edge = sy_range_runs.edge, end = (uint32_t) (old_end >> SY_UNIT_SHIFT), left, over;

  if (to == 0)
    return false;
  if (!know (range.mapped >> SY_UNIT_SHIFT))
    {
      sy_os_unmap (range.origin + to, range.mapped - to);
      range.mapped = old_end;
      return false;
    }
  left = end - edge;
  over = (uint32_t) (to >> SY_UNIT_SHIFT) - end;
  if (left != 0)
    (void) sy_runs_take_edge (&sy_range_runs, left);
  if (over != 0)
    sy_runs_detach (&sy_range_runs, sy_runs_take_edge (&sy_range_runs, over));
  if (left != 0)
    sy_runs_file (&sy_range_runs, edge, SY_RUN_CLEAN);
  sy_own_add (&jumped_over, to - old_end);
  return true;
}

bool
sy_range_grow (uint32_t count)
{
  size_t units = (size_t) sy_range_runs.edge + count;

  if (units > range.room >> SY_UNIT_SHIFT || !know (units)
      || (!sy_arena_grow (&range, units << SY_UNIT_SHIFT) && !jump (count)))
    return false;
  publish ();
  return true;
}

size_t
sy_range_bytes (void)
{
  return (AO_load (&sy_range.granules) << SY_GRANULE_SHIFT) - AO_load (&jumped_over);
}

void
sy_range_mark (uint32_t unit, uint32_t count, unsigned entry)
{
  for (uint32_t at = unit; at < unit + count; at++)
    AO_int_store (&sy_range.map[at], entry);
}

void
sy_range_each (unsigned tag, void (*visit) (void *ctx, uint32_t unit, unsigned kind), void *ctx)
{
  uint32_t units, length;

  sy_lock_take (&sy_range_lock);
  units = sy_range_runs.edge;
  sy_lock_release (&sy_range_lock);
  for (uint32_t unit = 0; unit < units; unit += length)
    {
      unsigned kind = AO_int_load (&sy_range.map[unit]) ^ tag;

      length = 1;
      if (kind >= UINT32_C (1) << SY_TAG_SHIFT)
        continue;
      /* The run is the tag's, so its entry does not change. */
      length = sy_range_unit (unit)->length;
      visit (ctx, unit, kind);
    }
}
