/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/metadata.h"

#include "base/arena.h"
#include "base/tuning.h"

/*
 * top is written once, before used; used only rises.  Both are written under the lock, used with
 * release.  Any thread reads used with acquire, and top after it.
 */
static struct {
  struct sy_lock lock;
  struct sy_arena arena;
  AO_t top, used;
} metadata = { .lock = SY_LOCK_INIT (SY_RANK_METADATA), .arena = { .is_down = true } };

static void *
take_locked (size_t bytes, size_t alignment)
{
  struct sy_arena *arena = &metadata.arena;
  void *start;

  if (arena->origin == NULL
      && !sy_arena_open (arena, SY_METADATA_BYTES, SY_METADATA_BYTES_MIN, SY_ARENA_LIMIT_SHARE))
    return NULL;
  /* The origin is a multiple of every alignment. */
  start = sy_arena_take (arena, bytes + (-(arena->used + bytes) & (alignment - 1)));
  if (start == NULL)
    return NULL;
  AO_store (&metadata.top, (AO_t) arena->origin);
  AO_store_release (&metadata.used, (AO_t) arena->used);
  return start;
}

void *
sy_metadata_take (size_t bytes, size_t alignment)
{
  sy_lock_take (&metadata.lock);

  void *start = take_locked (bytes, alignment);

  sy_lock_release (&metadata.lock);
  return start;
}

bool
sy_metadata_has (const void *pointer)
{
  AO_t used = AO_load_acquire (&metadata.used), distance = AO_load (&metadata.top) - (AO_t) pointer;

  return distance - 1 < used;
}

uintptr_t
sy_metadata_top (void)
{
  return AO_load (&metadata.top);
}

struct sy_lock *
sy_metadata_lock (void)
{
  return &metadata.lock;
}
