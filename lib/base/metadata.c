/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/metadata.h"

#include "base/arena.h"
#include "base/tuning.h"

/*
 * base is written once, before end; end only rises.  Both are written under the lock, end with
 * release.  Any thread reads end with acquire, and base after it.
 */
static struct {
  struct sy_lock lock;
  struct sy_arena arena;
  AO_t base, end;
} metadata = { .lock = SY_LOCK_INIT (SY_RANK_METADATA) };

static void *
take_locked (size_t bytes, size_t alignment)
{
  struct sy_arena *arena = &metadata.arena;
  size_t padding = -arena->used & (alignment - 1);
  char *start;

  if (arena->base == NULL
      && !sy_arena_open (arena, SY_METADATA_BYTES, SY_METADATA_BYTES_MIN, SY_ARENA_LIMIT_SHARE))
    return NULL;
  start = sy_arena_take (arena, padding + bytes);
  if (start == NULL)
    return NULL;
  AO_store (&metadata.base, (AO_t) arena->base);
  AO_store_release (&metadata.end, (AO_t) (arena->base + arena->used));
  return start + padding;
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
  uintptr_t end = AO_load_acquire (&metadata.end);

  return (uintptr_t) pointer >= AO_load (&metadata.base) && (uintptr_t) pointer < end;
}

uintptr_t
sy_metadata_base (void)
{
  return AO_load (&metadata.base);
}

struct sy_lock *
sy_metadata_lock (void)
{
  return &metadata.lock;
}
