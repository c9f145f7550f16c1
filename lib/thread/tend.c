/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/tend.h"

#include "base/os.h"
#include "heap/heap.h"
#include "pool/reap.h"

/* Since the last look, has the thread called for fewer blocks of the class, to have or to free, than a magazine holds? */
static bool
is_idle (struct sy_thread_cache *cache, unsigned class)
{
  AO_t pops, pushes, calls;

  sy_cache_hits (cache, class, &pops, &pushes);
  calls = AO_load (&cache->counts.allocations[class]) + AO_load (&cache->counts.frees[class]) + pushes;

  bool idle = calls - cache->calls_seen[class] < cache->rounds[class];

  cache->calls_seen[class] = calls;
  return idle;
}

/* Do slabs of the class have so many free blocks that those in the thread's magazines may be what holds whole slabs back? */
static bool
holds_slabs (const struct sydra_alloc *a, const struct sy_thread_cache *cache, unsigned class)
{
  const struct sy_bin *bin = sy_pool_bin (&a->pool, sy_home_shard (cache->home), class);

  /* Relaxed: a guess. */
  return AO_load (&bin->free_blocks) >= SY_HOLD_MAGAZINES * (AO_t) cache->rounds[class];
}

/* What the thread holds of the class goes to the slabs where it is idle or, as memory has grown, may hold some back. */
static void
shed_class (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, bool has_grown)
{
  if (cache->rounds[class] != 0 && (is_idle (cache, class) || (has_grown && holds_slabs (a, cache, class))))
    sy_cache_flush_class (a, cache, class);
}

/* One that is missed keeps the magazines that it has, and its next ones are small. */
static void
begin_anew (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, bool is_busy)
{
  if (is_busy)
    sy_cache_set_rounds (cache, class, sy_cache_first_rounds (class));
  else
    sy_cache_flush_class (a, cache, class);
}

/* Where more threads have come: the largest of the classes that have grown begin anew, until the room is the thread's share. */
static void
come_down (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned busy)
{
  /* Relaxed: a bound for what comes, and for what stays. */
  if (AO_load (&a->cache_count) <= cache->caches_then)
    return;
  for (unsigned class = SY_CLASSES - 1; class > 0 && !sy_cache_has_room (a, cache, 0); class--)
    if (cache->rounds[class] > sy_cache_first_rounds (class))
      begin_anew (a, cache, class, class == busy);
}

/* Memory has grown for the growths-th time, once for the process: free large blocks need not wait for their time. */
static void
hurry_heap (AO_t growths, uint64_t now_ns)
{
  static AO_t hurried;

  /* Relaxed: a second time does little harm. */
  if (AO_load (&hurried) == growths)
    return;
  AO_store (&hurried, growths);
  sy_heap_reap_soon (now_ns);
}

/*
 * Where memory has grown since the last look, also what lay in the shard's depots goes, so that whole slabs get free: a few blocks of each
 * slab, freed last, are enough to hold it back.
 */
static void SY_NOINLINE
shed (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned busy, uint64_t now_ns)
{
  AO_t growths = AO_load (&sy_region.growths);
  bool has_grown = cache->growths_seen != growths;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (class != busy)
      shed_class (a, cache, class, has_grown);
  come_down (a, cache, busy);
  if (has_grown)
    {
      sy_pool_shed (&a->pool, sy_home_shard (cache->home), growths);
      hurry_heap (growths, now_ns);
    }
  cache->growths_seen = growths;
  cache->shed_ns = now_ns;
}

/* A class wants more room than there is: the next of the others gives up its own, if it was idle since its last turn. */
static void SY_NOINLINE
make_way (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned busy)
{
  cache->wants_room = false;
  cache->hand = 1 + cache->hand % (SY_CLASSES - 1);
  if (cache->hand != busy)
    shed_class (a, cache, cache->hand, false);
}

/* One step a call at the most: what else is due follows at the next ones. */
static void
reap (struct sydra_alloc *a, uint64_t now_ns)
{
  if (sy_pool_reap_is_due (&a->pool, now_ns))
    sy_pool_reap (&a->pool, now_ns);
  else if (sy_region_reap_is_due (now_ns))
    sy_region_reap (now_ns);
  else
    sy_heap_reap (now_ns);
}

void
sy_tend (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned busy)
{
  uint64_t now_ns = sy_os_coarse_ns ();

  reap (a, now_ns);
  if (cache == NULL)
    return;
  if (SY_UNLIKELY (cache->growths_seen != AO_load (&sy_region.growths) || now_ns - cache->shed_ns >= SY_REAP_NS))
    shed (a, cache, busy, now_ns);
  else if (SY_UNLIKELY (cache->wants_room))
    make_way (a, cache, busy);
}
