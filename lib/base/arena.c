/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/arena.h"

#include "base/atomic.h"
#include "base/os.h"
#include "base/tuning.h"

static size_t
round_up (size_t bytes, size_t step)
{
  return (bytes + step - 1) / step * step;
}

/* ---- Where arenas lie ---- */

/* Where the next arena may begin; 0: not chosen yet.  Any thread adds to it. */
static AO_t next_place;
#define NO_PLACE ((AO_t) 1)

/* A random place in the second quarter of the gap, in the middle of a huge page: so the two arenas
   that meet there share a table of pages, and get no huge page before they have grown.  NO_PLACE:
   there is no gap that is large. */
static AO_t
first_place (void)
{
  uintptr_t low, high;

  if (!sy_os_gap (&low, &high))
    return NO_PLACE;

  uintptr_t quarter = (high - low) / 4;

  return (AO_t) round_up (low + quarter + sy_os_secret () % quarter, SY_HUGE_PAGE_BYTES)
         + SY_HUGE_PAGE_BYTES / 2;
}

/* A place with room for the bytes.  0: there is none. */
static uintptr_t
take_place (size_t bytes)
{
  if (AO_load (&next_place) == 0)
    (void) AO_compare_and_swap (&next_place, 0, first_place ());
  if (AO_load (&next_place) == NO_PLACE)
    return 0;
  /* Relaxed: a number, which nobody else gets. */
  return AO_fetch_and_add (&next_place, (AO_t) round_up (bytes, SY_HUGE_PAGE_BYTES));
}

/* The arena's bytes that are `from` to `to` bytes away from its origin. */
static char *
part (const struct sy_arena *arena, size_t from, size_t to)
{
  return arena->is_down ? arena->origin - to : arena->origin + from;
}

static bool
map_to (struct sy_arena *arena, size_t target, bool *taken)
{
  char *start = part (arena, arena->mapped, target);
  size_t bytes = target - arena->mapped;

  *taken = false;
  if (target > arena->room
      || !(arena->is_reserved ? sy_os_commit (start, bytes) : sy_os_map_at (start, bytes, taken)))
    return false;
  arena->mapped = target;
  return true;
}

static bool
open_in_place (struct sy_arena *arena, size_t bytes)
{
  bool taken = true;

  arena->room = round_up (bytes, SY_UNIT_BYTES);
  for (unsigned tries = 0; taken && tries < SY_PLACE_TRIES; tries++)
    {
      char *place = (char *) take_place (bytes);

      if (place == NULL)
        break;
      arena->origin = arena->is_down ? place + round_up (bytes, SY_HUGE_PAGE_BYTES) : place;
      if (map_to (arena, SY_UNIT_BYTES, &taken))
        return true;
      /* The next arena may have the place, if none has come behind it. */
      if (!taken)
        (void) AO_compare_and_swap (
          &next_place, (AO_t) place + round_up (bytes, SY_HUGE_PAGE_BYTES), (AO_t) place);
    }
  *arena = (struct sy_arena) { .is_down = arena->is_down };
  return false;
}

/* One half of the bytes, but not less than `least`. */
static size_t
half_of (size_t bytes, size_t least)
{
  return bytes / 2 > least ? bytes / 2 : least;
}

static bool
open_reserved (struct sy_arena *arena, size_t bytes, size_t least, size_t share)
{
  size_t limit = sy_os_address_limit ();
  char *start;

  while (limit != SIZE_MAX && bytes > least && bytes > limit / share)
    bytes = half_of (bytes, least);
  /* One unit more, so that a whole one can begin at a multiple of its length. */
  while ((start = sy_os_reserve (round_up (bytes, SY_UNIT_BYTES) + SY_UNIT_BYTES)) == NULL
         && bytes > least)
    bytes = half_of (bytes, least);
  if (start == NULL)
    return false;
  start += -(uintptr_t) start & (SY_UNIT_BYTES - 1);
  arena->is_reserved = true;
  arena->room = round_up (bytes, SY_UNIT_BYTES);
  arena->origin = arena->is_down ? start + arena->room : start;
  return true;
}

bool
sy_arena_open (struct sy_arena *arena, size_t bytes, size_t least, size_t share)
{
  *arena = (struct sy_arena) { .is_down = arena->is_down };
  return open_in_place (arena, bytes) || open_reserved (arena, bytes, least, share);
}

/* ---- Growth ---- */

/* How much the arena grows at once: a share of what it has. */
static size_t
step_of (const struct sy_arena *arena)
{
  size_t step = arena->mapped / SY_STEP_SHARE;

  step = step < SY_STEP_MIN ? SY_STEP_MIN : step > SY_STEP_MAX ? SY_STEP_MAX : step;
  return round_up (step, SY_UNIT_BYTES);
}

bool
sy_arena_grow (struct sy_arena *arena, size_t bytes)
{
  size_t least = round_up (bytes, SY_UNIT_BYTES), target = arena->mapped + step_of (arena);
  bool taken;

  if (bytes <= arena->mapped)
    return true;
  if (bytes > arena->room)
    return false;
  return (least < target && map_to (arena, target, &taken)) || map_to (arena, least, &taken);
}

void *
sy_arena_take (struct sy_arena *arena, size_t bytes)
{
  if (bytes > arena->room - arena->used || !sy_arena_grow (arena, arena->used + bytes))
    return NULL;

  arena->used += bytes;
  return part (arena, arena->used - bytes, arena->used);
}

size_t
sy_arena_jump (struct sy_arena *arena, size_t bytes)
{
  bool taken = !arena->is_reserved;

  for (size_t over = 0; taken; over = over == 0 ? SY_HUGE_PAGE_BYTES : 2 * over)
    {
      size_t to = arena->mapped + over;

      if (to > arena->room || bytes > arena->room - to)
        return 0;
      if (sy_os_map_at (arena->origin + to, bytes, &taken))
        {
          arena->mapped = to + bytes;
          return to;
        }
    }
  return 0;
}
