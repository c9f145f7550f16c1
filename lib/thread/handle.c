/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/handle.h"

#include <string.h>

#include "base/bug.h"
#include "base/metadata.h"

/* Under the lock. */
static struct {
  struct sy_lock lock;
  struct sydra_alloc *first;  /* of all that ever were */
  unsigned count;
  /* first in, first out: a stale pointer stays stale for long */
  struct sydra_alloc *free_first, *free_last;
} registry = { .lock = SY_LOCK_INIT (SY_RANK_REGISTRY) };

struct sy_lock *
sy_registry_lock (void)
{
  return &registry.lock;
}

/* A handle that never was: its memory is zero. */
static struct sydra_alloc *
take_fresh (void)
{
  struct sydra_alloc *a = registry.count == SY_HANDLES_MAX
                            ? NULL
                            : sy_metadata_take (sizeof *a, __alignof__ (struct sydra_alloc));

  if (a == NULL)
    return NULL;
  a->number = ++registry.count;
  a->next = registry.first;
  registry.first = a;
  return a;
}

/* Zeroes all but what the registry keeps in it. */
static void
clear (struct sydra_alloc *a)
{
  unsigned number = a->number;
  struct sydra_alloc *next = a->next;

  memset (a, 0, sizeof *a);
  a->number = number;
  a->next = next;
}

/* The one that has been dead the longest. */
static struct sydra_alloc *
take_dead (void)
{
  struct sydra_alloc *a = registry.free_first;

  if (a == NULL)
    return NULL;
  registry.free_first = a->next_free;
  if (registry.free_first == NULL)
    registry.free_last = NULL;
  clear (a);
  return a;
}

/* As much of it as fits without cutting a UTF-8 character in two; the rest of `to` is zero
   already. */
static void
copy_name (char *to, const char *from)
{
  size_t length = 0;

  while (length < SY_NAME_BYTES - 1 && from[length] != '\0')
    length++;
  while (length != 0 && ((unsigned char) from[length] & 0xc0) == 0x80)
    length--;
  memcpy (to, from, length);
}

struct sydra_alloc *
sy_handle_take (const char *name, size_t max_bytes)
{
  sy_lock_take (&registry.lock);

  /* Fresh ones first, so that a stale pointer is found out for long. */
  struct sydra_alloc *a = registry.count < SY_HANDLES_FRESH ? take_fresh () : take_dead ();

  if (a == NULL)
    a = take_fresh ();
  sy_lock_release (&registry.lock);
  if (a == NULL)
    return NULL;
  copy_name (a->name, name);
  a->max_bytes = max_bytes;
  a->budget = max_bytes != 0 && max_bytes / SY_BUDGET_SHARE < SY_BUDGET_ALL
                ? max_bytes / SY_BUDGET_SHARE
                : SY_BUDGET_ALL;
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
  set_state (a, SY_HANDLE_DEAD);
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
  if (a == NULL)
    sy_bug (call, a, "the handle is NULL");
  if (!sy_metadata_has (a) || (uintptr_t) a % __alignof__ (struct sydra_alloc) != 0)
    sy_bug (call, a, "no handle");

  /* acquire: pairs with the release in set_state. */
  AO_t state = AO_load_acquire (&a->state);

  if (state != SY_HANDLE_LIVE)
    sy_bug (call, a, state == SY_HANDLE_DEAD ? "a destroyed handle" : "no handle");
}

void
sy_handle_each (void (*visit) (struct sydra_alloc *a))
{
  /* Relaxed: states change under the lock. */
  for (struct sydra_alloc *a = registry.first; a != NULL; a = a->next)
    if (AO_load (&a->state) == SY_HANDLE_LIVE)
      visit (a);
}
