/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/handle.h"

#include <string.h>

#include "base/arena.h"
#include "base/bug.h"

static struct {
  struct sy_lock lock;
  struct sy_arena arena;
  /* of the arena's used part, for checks without the lock: set with release after the handles in
     it are zero */
  AO_t base, end;
  /* first in, first out: a stale pointer stays stale for long */
  struct sydra_alloc *free_first, *free_last;
} registry = { SY_LOCK_INIT (SY_RANK_REGISTRY), { NULL, 0, 0, 0 }, 0, 0, NULL, NULL };

struct sy_lock *
sy_registry_lock (void)
{
  return &registry.lock;
}

/* A handle that never was. */
static struct sydra_alloc *
take_fresh (void)
{
  if (registry.arena.base == NULL
      && !sy_arena_open (&registry.arena, SY_HANDLES_MAX * sizeof (struct sydra_alloc),
                         SY_ARENA_STEP, SY_ARENA_LIMIT_SHARE))
    return NULL;

  struct sydra_alloc *a = sy_arena_take (&registry.arena, sizeof *a);

  if (a != NULL)
    {
      AO_store (&registry.base, (AO_t) registry.arena.base);
      /* release: pairs with the acquire in sy_handle_check. */
      AO_store_release (&registry.end, (AO_t) (a + 1));
    }
  return a;
}

/* The one that has been dead the longest. */
static struct sydra_alloc *
take_dead (void)
{
  struct sydra_alloc *a = registry.free_first;

  if (a != NULL)
    registry.free_first = a->next_free;
  if (registry.free_first == NULL)
    registry.free_last = NULL;
  return a;
}

/* As much of it as fits without cutting a UTF-8 character in two; the rest of `to` is zero
   already. */
static void
copy_name (char *to, const char *from)
{
  size_t length = strnlen (from, SY_NAME_BYTES - 1);

  while (length != 0 && ((unsigned char) from[length] & 0xc0) == 0x80)
    length--;
  memcpy (to, from, length);
}

struct sydra_alloc *
sy_handle_take (const char *name, size_t max_bytes)
{
  sy_lock_take (&registry.lock);

  /* Fresh ones first while the committed step lasts, so that a stale pointer is found out for
     long. */
  bool has_fresh = registry.arena.used + sizeof (struct sydra_alloc) <= registry.arena.committed;
  struct sydra_alloc *a = has_fresh ? take_fresh () : take_dead ();

  if (a == NULL)
    a = take_fresh ();
  if (a != NULL)
    memset (a, 0, sizeof *a);
  sy_lock_release (&registry.lock);
  if (a == NULL)
    return NULL;
  copy_name (a->name, name);
  a->max_bytes = max_bytes;
  sy_fallback_open (&a->fallback);
  return a;
}

static void
set_state (struct sydra_alloc *a, AO_t state)
{
  sy_lock_take (&registry.lock);
  /* release: pairs with the acquire in sy_handle_check. */
  AO_store_release (&a->state, state);
  sy_lock_release (&registry.lock);
}

void
sy_handle_enlist (struct sydra_alloc *a)
{
  set_state (a, SY_HANDLE_LIVE);
}

void
sy_handle_withdraw (struct sydra_alloc *a)
{
  set_state (a, 0);
}

void
sy_handle_give (struct sydra_alloc *a)
{
  sy_lock_take (&registry.lock);
  a->next_free = NULL;
  if (registry.free_last != NULL)
    registry.free_last->next_free = a;
  else
    registry.free_first = a;
  registry.free_last = a;
  sy_lock_release (&registry.lock);
}

void
sy_handle_check (const struct sydra_alloc *a, const char *call)
{
  uintptr_t end = AO_load_acquire (&registry.end), base = AO_load (&registry.base);

  if (a == NULL)
    sy_bug (call, a, "the handle is NULL");
  if ((uintptr_t) a < base || (uintptr_t) a >= end || ((uintptr_t) a - base) % sizeof *a != 0)
    sy_bug (call, a, "no handle");
  if (AO_load_acquire (&a->state) != SY_HANDLE_LIVE)
    sy_bug (call, a, "a destroyed handle");
}

void
sy_handle_each (void (*visit) (struct sydra_alloc *a))
{
  struct sydra_alloc *first = (struct sydra_alloc *) (void *) registry.arena.base, *a = first;

  /* Relaxed: states change under the lock. */
  for (size_t count = registry.arena.used / sizeof *a; a < first + count; a++)
    if (AO_load (&a->state) == SY_HANDLE_LIVE)
      visit (a);
}
