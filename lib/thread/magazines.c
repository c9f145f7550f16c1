/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/magazines.h"

#include <string.h>

#include "base/os.h"

/* ---- One class's magazines ---- */

void *sy_no_magazine[SY_MAGAZINE_BYTES / sizeof (void *) + 1] SY_ALIGNED (SY_MAGAZINE_BYTES);

bool
sy_cache_has_budget (const struct sydra_alloc *a, const struct sy_cache *cache, size_t more)
{
  /* relaxed: a bound for what comes, and for what stays */
  size_t share = a->budget / AO_load (&a->domain.participants);

  return cache->budget_used + more <= (share > SY_BUDGET_LEAST ? share : SY_BUDGET_LEAST);
}

void
sy_cache_set_capacity (struct sy_cache *cache, unsigned class, unsigned capacity)
{
  cache->budget_used += 2 * sy_size_classes[class].bytes
                        * ((size_t) capacity - cache->capacity[class]);
  cache->capacity[class] = capacity;
}

void
sy_cache_put_blocks (struct sydra_alloc *a, unsigned home, unsigned class, void **blocks,
                     unsigned count)
{
  sy_pool_put (&a->pool, home, class, blocks, count);
  sy_handle_discharge (a, (size_t) count * sy_size_classes[class].bytes);
}

bool
sy_cache_hand_in (struct sydra_alloc *a, unsigned home, unsigned class, struct sy_magazine *full,
                  unsigned least)
{
  unsigned rounds = full->rounds;

  if (!a->pool.direct && rounds >= least && sy_pool_give_magazine (&a->pool, home, class, full))
    {
      sy_handle_discharge (a, (size_t) rounds * sy_size_classes[class].bytes);
      return true;
    }
  sy_cache_put_blocks (a, home, class, sy_magazine_end (full) - rounds, rounds);
  return false;
}

/* A magazine's blocks, from top down, go to the slabs, and it to the empty ones. */
static void
flush_magazine (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, void **top)
{
  struct sy_magazine *magazine = sy_magazine_of (top);
  unsigned held = sy_magazine_held (magazine, top);

  sy_cache_put_blocks (a, cache->home, class, top - held, held);
  sy_magazine_give (magazine);
}

void
sy_cache_flush_class (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  void **previous = cache->previous[class];

  sy_counts_change_begin (cache, class);
  if (sy_cache_loaded (cache, class) != NULL)
    flush_magazine (a, cache, class, sy_cache_top (cache, class));
  if (previous != NULL)
    flush_magazine (a, cache, class, previous);
  sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  cache->previous[class] = NULL;
  sy_cache_set_capacity (cache, class, 0);
  sy_counts_publish (a, cache, class);
  sy_counts_change_end (cache);
}

/* ---- A whole cache ---- */

void
sy_cache_start (struct sy_cache *cache, struct sydra_alloc *a)
{
  memset (cache, 0, sizeof *cache);
  cache->tag = a->pool.tag;
  for (unsigned class = 0; class < SY_CLASSES; class++)
    sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  for (unsigned kind = SY_CLASSES; kind < SY_KINDS; kind++)
    AO_store (&cache->top[kind], SY_NO_TOP);
  cache->last_trim_ns = sy_os_coarse_ns ();
  cache->last_growths = AO_load (&sy_range.growths);
  cache->home = a->pool.shard_count == 0 ? 0 : sy_pool_home (&a->pool);
  AO_store (&cache->owner, (AO_t) a);
}

void
sy_cache_flush (struct sy_cache *cache)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    sy_cache_flush_class (sy_cache_owner (cache), cache, class);
}

bool
sy_cache_flush_for_limit (const struct sydra_alloc *a, struct sy_cache *cache)
{
  if (cache == NULL || a->max_bytes == 0)
    return false;
  sy_cache_flush (cache);
  return true;
}

void
sy_cache_abandon (struct sy_cache *cache)
{
  unsigned class = cache->books.changing;

  if (AO_load (&cache->books.changes) % 2 == 0)
    return;
  sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  cache->previous[class] = NULL;
  sy_counts_change_end (cache);
}

bool
sy_cache_is_valid (const struct sy_cache *cache)
{
  size_t bytes = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      if (!sy_holds (&cache->next[class], (AO_t) sy_cache_top (cache, class)[-1]))
        return false;
      bytes += 2 * (size_t) cache->capacity[class] * sy_size_classes[class].bytes;
    }
  return bytes == cache->budget_used;
}
