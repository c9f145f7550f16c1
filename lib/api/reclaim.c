/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/reclaim.h"

#include <limits.h>

#include "base/os.h"
#include "sydra/alloc.h"
#include "thread/miss.h"

/* Frees a bag's blocks.  One by one where it is no full magazine of the pool's, and in debug builds, which look at each. */
static void
free_bag (struct sydra_alloc *a, struct sy_thread_cache *cache, struct sy_magazine *bag)
{
  struct sy_bag_note note = *sy_bag_note (bag);
  unsigned rounds = bag->rounds;

  if (note.class != 0 && !SY_DEBUG)
    sy_miss_free_magazine (a, cache, note.class, bag);
  else
    {
      for (unsigned at = 1; at <= rounds; at++)
        {
          void *block = sy_magazine_end (bag)[-(int) at];

          if (SY_DEBUG)
            (void) sy_fallback_remove (&sy_deferred, block);
          sydra_free (a, block);
        }
      sy_magazine_give (bag);
    }
  sy_limbo_freed (&a->limbo, rounds, note.bytes);
}

static void
free_bags (struct sydra_alloc *a, struct sy_magazine *chain)
{
  struct sy_thread_cache *cache = chain == NULL ? NULL : sy_thread_cache_find (a, "sydra_collect");

  while (chain != NULL)
    {
      struct sy_magazine *bag = chain;

      chain = sy_bag_note (bag)->next;
      free_bag (a, cache, bag);
    }
}

/* Moves the epoch, makes the barrier, looks at the readers, and frees up to `most` bags.  False: no barrier, nothing known or freed. */
static bool
look_and_free (struct sydra_alloc *a, unsigned most, struct sy_readers *readers)
{
  AO_t sealed_by = sy_epoch_advance (&a->limbo.epoch);

  if (!sy_epoch_barrier ())
    return false;

  size_t sealed_bytes = AO_load (&a->limbo.bytes);

  sy_thread_registry_readers (a, sealed_by, readers);
  sy_limbo_note_threads (&a->limbo, readers->threads);
  sy_limbo_note_bytes (&a->limbo, sealed_bytes + readers->bag_bytes);
  free_bags (a, sy_limbo_take (&a->limbo, sealed_by, readers->oldest.epoch, most));
  return true;
}

static void
seal_own (struct sydra_alloc *a, struct sy_thread_cache *cache)
{
  sy_thread_registry_begin (cache);
  (void) sy_bags_empty (&cache->bags, &a->limbo);
  sy_bags_end (&cache->bags);
}

void
sy_reclaim (struct sydra_alloc *a)
{
  struct sy_thread_cache *cache = sy_thread_cache_find (a, "sydra_free_deferred");
  struct sy_readers readers;

  if (!look_and_free (a, SY_LIMBO_TAKE_BAGS, &readers) || !readers.idle_bags)
    return;
  if (cache != NULL && AO_load (&cache->bags.blocks) != 0
      && (AO_t) (sy_os_now_ns () / 1000) - AO_load (&cache->bags.since_us) >= SY_LIMBO_OLD_US)
    seal_own (a, cache);
  sy_thread_registry_take_bags (a, false);
}

bool
sy_reclaim_all (struct sydra_alloc *a, struct sy_readers *readers)
{
  struct sy_thread_cache *cache = sy_thread_cache_find (a, "sydra_collect");

  if (cache != NULL)
    seal_own (a, cache);
  sy_thread_registry_take_bags (a, true);
  return look_and_free (a, UINT_MAX, readers);
}

bool
sy_reclaim_for_want (struct sydra_alloc *a)
{
  struct sy_readers readers;

  return AO_load (&a->limbo.charged) != 0 && sy_reclaim_all (a, &readers);
}

void
sy_reclaim_end (struct sydra_alloc *a)
{
  sy_thread_registry_seal_all (a);
  free_bags (a, sy_limbo_take (&a->limbo, AO_load (&a->limbo.epoch.now), 0, UINT_MAX));
}
