/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/arena.h"

#include "base/os.h"
#include "base/tuning.h"

static size_t
round_up (size_t bytes, size_t step)
{
  return (bytes + step - 1) / step * step;
}

bool
sy_arena_open (struct sy_arena *arena, size_t bytes, size_t least, size_t share)
{
  size_t limit = sy_os_address_limit ();

  while (limit != SIZE_MAX && bytes > least && bytes > limit / share)
    bytes /= 2;
  for (arena->base = sy_os_reserve (bytes); arena->base == NULL && bytes > least;
       arena->base = sy_os_reserve (bytes))
    bytes /= 2;
  arena->reserved = arena->base == NULL ? 0 : bytes;
  arena->committed = arena->used = 0;
  return arena->base != NULL;
}

bool
sy_arena_grow (struct sy_arena *arena, size_t bytes, size_t step)
{
  if (bytes <= arena->committed)
    return true;
  if (bytes > arena->reserved)
    return false;

  size_t target = round_up (bytes, step);

  target = round_up (target, sy_os_page_bytes ());
  if (target > arena->reserved)
    target = arena->reserved;
  if (!sy_os_commit (arena->base + arena->committed, target - arena->committed))
    return false;
  arena->committed = target;
  return true;
}

void *
sy_arena_take (struct sy_arena *arena, size_t bytes)
{
  if (bytes > arena->reserved - arena->used
      || !sy_arena_grow (arena, arena->used + bytes, SY_ARENA_STEP))
    return NULL;

  void *start = arena->base + arena->used;

  arena->used += bytes;
  return start;
}
