/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/cache.h"

#include <string.h>

#include "base/os.h"
#include "thread/magazines.h"

const char sy_owner_gone;

void
sy_cache_start (struct sy_cache *cache, struct sydra_alloc *a)
{
  memset (cache, 0, sizeof *cache);
  cache->base = (uintptr_t) sy_region.base;
  cache->granules = a->pool.map == NULL ? 0 : sy_region.bytes >> SY_GRANULE_SHIFT;
  cache->map = a->pool.map;
  for (unsigned class = 0; class < SY_CLASSES; class++)
    sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  cache->last_trim_ns = sy_os_coarse_ns ();
  cache->last_growths = AO_load (&sy_region.growths);
  cache->home = a->pool.shard_count == 0 ? 0 : sy_pool_home (&a->pool);
  AO_store (&cache->owner, (AO_t) a);
}

void
sy_cache_flush (struct sy_cache *cache)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    sy_cache_flush_class (sy_cache_owner (cache), cache, class);
  sy_counts_change_begin (cache, SY_CLASS_HEAP);
  while (cache->spare_count != 0)
    sy_magazine_give (cache->spare[--cache->spare_count]);
  sy_counts_change_end (cache);
}

void
sy_cache_abandon (struct sy_cache *cache)
{
  unsigned class = cache->books.changing;

  if (AO_load (&cache->books.changes) % 2 == 0)
    return;
  sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  cache->previous[class] = NULL;
  cache->spare_count = 0;
  sy_counts_change_end (cache);
}
