/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/registry.h"

#include <errno.h>
#include <pthread.h>

#include "base/metadata.h"
#include "base/os.h"
#include "thread/counts.h"
#include "thread/magazines.h"

const char sy_owner_gone;

/* Nothing hits in it: its owner is its own address, which is no handle's; its magazines are both
   empty and full; and no unit has its tag. */
static struct sy_cache no_cache = { .top = { [0 ... SY_KINDS - 1] = SY_NO_TOP },
                                    .owner = (AO_t) &no_cache,
                                    .tag = UINT32_MAX };

__thread struct sy_cache *sy_cache_last __attribute__ ((tls_model (SY_TLS_MODEL))) = &no_cache;

static __thread struct {
  struct sy_cache *caches;  /* the last used first */
  bool being_born;          /* a cache is being made; allocations for that go without one */
  bool ended;
  unsigned freed_alone;     /* blocks freed without a cache, up to SY_FREES_ALONE */
} this_thread __attribute__ ((tls_model (SY_TLS_MODEL)));

static struct {
  AO_t key_made;            /* 1: key may be used */
  pthread_key_t key;
  struct sy_cache *unused;  /* linked by next_of_thread; under the registry lock */
} threads;

/* ---- Memory, under the registry lock ---- */

static struct sy_cache *
take_memory (void)
{
  struct sy_cache *cache = threads.unused;

  if (cache != NULL)
    {
      threads.unused = cache->next_of_thread;
      return cache;
    }
  return sy_metadata_take (sizeof *cache, __alignof__ (struct sy_cache));
}

static void
give_memory (struct sy_cache *cache)
{
  cache->next_of_thread = threads.unused;
  threads.unused = cache;
}

/* ---- Deaths ---- */

/* Hands in a cache's blocks and counts; a section that its thread is in ends.  Under the
   registry lock. */
static void
retire (struct sydra_alloc *a, struct sy_cache *cache)
{
  sy_domain_quit (&a->domain, &cache->participant);
  sy_cache_flush (cache);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (cache->books.counts.refills[class] != 0)
      sy_pool_thread_ended (&a->pool, cache->home, class);
  sy_counts_retire (a, cache);
}

static void
end_thread (void)
{
  struct sy_cache *cache;

  sy_cache_last = &no_cache;
  this_thread.ended = true;
  sy_lock_take (sy_registry_lock ());
  while ((cache = this_thread.caches) != NULL)
    {
      struct sydra_alloc *a = (struct sydra_alloc *) AO_load (&cache->owner);

      this_thread.caches = cache->next_of_thread;
      if ((AO_t) a != SY_OWNER_GONE)
        retire (a, cache);
      give_memory (cache);
    }
  sy_magazine_thread_quits ();
  sy_lock_release (sy_registry_lock ());
}

/* Ends the thread at the first call: there may be no later pass of destructors.  Those that follow
   go without a cache. */
static void
key_destructor (void *value)
{
  (void) value;
  end_thread ();
}

void
sy_registry_detach (struct sydra_alloc *a)
{
  sy_lock_take (sy_registry_lock ());
  while (a->domain.first != NULL)
    {
      struct sy_cache *cache = sy_cache_of (a->domain.first);

      retire (a, cache);
      /* Relaxed: its thread learns of the handle's end from the caller, or finds another owner
         than it looks for. */
      AO_store (&cache->owner, SY_OWNER_GONE);
    }
  sy_lock_release (sy_registry_lock ());
}

void
sy_registry_after_fork (struct sydra_alloc *a)
{
  for (struct sy_participant *at = a->domain.first, *next; at != NULL; at = next)
    {
      struct sy_cache *cache = sy_cache_of (at);

      next = at->next;
      if (cache->thread == &this_thread)
        continue;
      sy_cache_abandon (cache);
      retire (a, cache);
      AO_store (&cache->owner, SY_OWNER_GONE);
      give_memory (cache);
    }
  /* What is left is this thread's own. */
  sy_domain_after_fork (&a->domain);
}

/* ---- Births ---- */

/* False while the process's keys are used up; a later birth tries again. */
static bool
key_is_made (void)
{
  /* acquire: pairs with the release below, so that the key is the one that was made. */
  if (AO_load_acquire (&threads.key_made))
    return true;
  sy_lock_take (sy_registry_lock ());
  if (!AO_load (&threads.key_made) && pthread_key_create (&threads.key, key_destructor) == 0)
    AO_store_release (&threads.key_made, 1);

  bool made = AO_load (&threads.key_made) != 0;

  sy_lock_release (sy_registry_lock ());
  return made;
}

/* Takes the thread's cache of this handle out of its list, and those of handles that ended. */
static struct sy_cache *
find_and_prune (const struct sydra_alloc *a)
{
  struct sy_cache **link = &this_thread.caches, *found = NULL, *cache;

  while (found == NULL && (cache = *link) != NULL)
    {
      AO_t owner = AO_load (&cache->owner);

      if (owner != (AO_t) a && owner != SY_OWNER_GONE)
        {
          link = &cache->next_of_thread;
          continue;
        }
      *link = cache->next_of_thread;
      if (owner != SY_OWNER_GONE)
        found = cache;
      else
        {
          sy_lock_take (sy_registry_lock ());
          give_memory (cache);
          sy_lock_release (sy_registry_lock ());
        }
    }
  return found;
}

static struct sy_cache *
give_birth (struct sydra_alloc *a)
{
  int saved = errno;

  /* pthread_setspecific allocates where 32 keys were made before ours, and in a program that we
     are the malloc of that comes back here. */
  this_thread.being_born = true;

  bool ends_well = key_is_made () && pthread_setspecific (threads.key, &this_thread) == 0;

  this_thread.being_born = false;
  errno = saved;
  if (!ends_well)
    return NULL;
  sy_lock_take (sy_registry_lock ());

  struct sy_cache *cache = take_memory ();

  if (cache != NULL)
    {
      sy_cache_start (cache, a);
      sy_magazine_thread_joins ();
      cache->thread = &this_thread;
      sy_domain_join (&a->domain, &cache->participant);
      cache->process_id = cache->participant.reader.thread.process_id;
    }
  sy_lock_release (sy_registry_lock ());
  return cache;
}

/* The one that the thread uses now. */
static struct sy_cache *
use (struct sy_cache *cache)
{
  if (cache == NULL)
    return NULL;
  cache->next_of_thread = this_thread.caches;
  this_thread.caches = cache;
  sy_cache_last = cache;
  return cache;
}

struct sy_cache *
sy_cache_find_slow (struct sydra_alloc *a, const char *call)
{
  sy_handle_check (a, call);
  if (this_thread.caches == NULL || this_thread.being_born)
    return NULL;

  /* What it points to may be pruned and be another thread's in a moment. */
  sy_cache_last = &no_cache;
  return use (find_and_prune (a));
}

struct sy_cache *
sy_cache_get_slow (struct sydra_alloc *a, const char *call)
{
  struct sy_cache *cache = sy_cache_find_slow (a, call);

  if (cache != NULL || this_thread.ended || this_thread.being_born)
    return cache;
  return use (give_birth (a));
}

struct sy_cache *
sy_cache_earn_slow (struct sydra_alloc *a, const char *call)
{
  struct sy_cache *cache = sy_cache_find_slow (a, call);

  if (cache != NULL || this_thread.freed_alone++ < SY_FREES_ALONE)
    return cache;
  this_thread.freed_alone = SY_FREES_ALONE;
  return sy_cache_get_slow (a, call);
}
