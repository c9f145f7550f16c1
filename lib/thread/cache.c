/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/cache.h"

#include <string.h>

#include "base/os.h"

const char sy_owner_gone;
void *sy_no_magazine[SY_MAGAZINE_BYTES / sizeof (void *) + 1] SY_ALIGNED (SY_MAGAZINE_BYTES);

/* ---- Books ---- */

/* Blocks handed out, of them so many at once at the most, and taken back. */
static void
note_blocks (struct sy_thread_cache *cache, unsigned class, size_t allocations, size_t most, size_t frees)
{
  intptr_t net = (intptr_t) AO_load (&cache->net[class]);

  sy_own_add (&cache->counts.frees[class], frees);
  if (net + (intptr_t) most > (intptr_t) AO_load (&cache->peak[class]))
    AO_store (&cache->peak[class], (AO_t) net + most);
  AO_store (&cache->net[class], (AO_t) net + allocations - frees);
}

/* The ledger learns that there are `net` more, and that there were `peak` more at the most; both are signed. */
static void
post (AO_t *live, AO_t *high, AO_t net, AO_t peak)
{
  intptr_t most = (intptr_t) (AO_fetch_and_add (live, net) + peak);

  if (most > 0)
    sy_shared_raise (high, (AO_t) most);
}

static void
publish_one (AO_t *live, AO_t *high, AO_t *net, AO_t *peak)
{
  /* Most classes of most threads. */
  if ((AO_load (net) | AO_load (peak)) == 0)
    return;
  post (live, high, AO_load (net), AO_load (peak));
  AO_store (net, 0);
  AO_store (peak, 0);
}

void
sy_cache_publish (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  publish_one (&a->live[class], &a->high[class], &cache->net[class], &cache->peak[class]);
  publish_one (&a->live_bytes, &a->high_bytes, &cache->net_bytes, &cache->peak_bytes);
}

static void
note_bytes (struct sy_thread_cache *cache, size_t allocated, size_t most, size_t freed)
{
  intptr_t net = (intptr_t) AO_load (&cache->net_bytes);

  if (net + (intptr_t) most > (intptr_t) AO_load (&cache->peak_bytes))
    AO_store (&cache->peak_bytes, (AO_t) net + most);
  net = (intptr_t) ((size_t) net + allocated - freed);
  AO_store (&cache->net_bytes, (AO_t) net);
  if (net >= SY_PUBLISH_BYTES || net <= -SY_PUBLISH_BYTES)
    sy_cache_publish ((struct sydra_alloc *) AO_load (&cache->owner), cache, 0);
}

/* Counts the class's hits since the last time. */
static void
settle (struct sy_thread_cache *cache, unsigned class)
{
  size_t bytes = sy_size_classes[class].bytes, most;
  AO_t pops, pushes;

  /* What the heap serves has no magazine. */
  if (class == 0)
    return;
  sy_cache_hits (cache, class, &pops, &pushes);
  if ((pops | pushes) == 0)
    return;
  most = sy_cache_at_once (class, pops);
  note_blocks (cache, class, pops, most, pushes);
  AO_store (&cache->top_then[class], AO_load (&cache->top[class]));
  AO_store (&cache->allocations_then[class], AO_load (&cache->counts.allocations[class]));
  note_bytes (cache, pops * bytes, most * bytes, pushes * bytes);
}

void
sy_cache_change_begin (struct sy_thread_cache *cache, unsigned class)
{
  cache->changing = class;
  AO_store (&cache->changes, AO_load (&cache->changes) + 1);
  AO_nop_write (); /* before the changes; pairs with AO_nop_read in read_cache */
  settle (cache, class);
}

void
sy_cache_change_end (struct sy_thread_cache *cache)
{
  /* release: after the changes; pairs with the acquire in read_cache. */
  AO_store_release (&cache->changes, AO_load (&cache->changes) + 1);
}

void
sy_cache_note_direct (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, size_t allocations, size_t frees)
{
  size_t bytes = sy_size_classes[class].bytes;

  sy_own_add (&cache->counts.allocations[class], allocations);
  sy_own_add (&cache->allocations_then[class], allocations);
  note_blocks (cache, class, allocations, allocations, frees);
  note_bytes (cache, allocations * bytes, allocations * bytes, frees * bytes);

  intptr_t net = (intptr_t) AO_load (&cache->net[class]), most = (intptr_t) sy_size_classes[class].rounds;

  if (net >= most || net <= -most)
    sy_cache_publish (a, cache, class);
}

void
sy_cache_note_alone (struct sydra_alloc *a, unsigned class, size_t allocations, size_t frees)
{
  size_t bytes = sy_size_classes[class].bytes;

  sy_shared_add (&a->retired.allocations[class], allocations);
  sy_shared_add (&a->retired.frees[class], frees);
  post (&a->live[class], &a->high[class], allocations - frees, allocations);
  post (&a->live_bytes, &a->high_bytes, (allocations - frees) * bytes, allocations * bytes);
}

/* ---- Magazines ---- */

bool
sy_cache_has_room (const struct sydra_alloc *a, const struct sy_thread_cache *cache, size_t more)
{
  size_t share = SY_ROOM_ALL / AO_load (&a->cache_count); /* relaxed: a bound for what comes, and for what stays */

  return cache->room + more <= (share > SY_ROOM_LEAST ? share : SY_ROOM_LEAST);
}

void
sy_cache_set_rounds (struct sy_thread_cache *cache, unsigned class, unsigned rounds)
{
  cache->room += 2 * sy_size_classes[class].bytes * ((size_t) rounds - cache->rounds[class]);
  cache->rounds[class] = rounds;
}

struct sy_magazine *
sy_cache_take_empty (struct sy_thread_cache *cache)
{
  return cache->spare_count != 0 ? cache->spare[--cache->spare_count] : sy_magazine_take ();
}

void
sy_cache_give_empty (struct sy_thread_cache *cache, struct sy_magazine *magazine)
{
  if (cache->spare_count < SY_SPARES_MAX)
    cache->spare[cache->spare_count++] = magazine;
  else
    sy_magazine_give (magazine);
}

void
sy_cache_put_blocks (struct sydra_alloc *a, unsigned home, unsigned class, void **blocks, unsigned count)
{
  sy_pool_put (&a->pool, home, class, blocks, count);
  sy_handle_discharge (a, (size_t) count * sy_size_classes[class].bytes);
}

/* A magazine's blocks, from top down, go to the slabs, and it to the spare ones. */
static void
flush_magazine (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, void **top)
{
  struct sy_magazine *magazine = sy_magazine_of (top);
  unsigned held = sy_magazine_held (magazine, top);

  sy_cache_put_blocks (a, cache->home, class, top - held, held);
  sy_cache_give_empty (cache, magazine);
}

void
sy_cache_flush_class (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void **previous = cache->previous[class];

  sy_cache_change_begin (cache, class);
  if (sy_cache_loaded (cache, class) != NULL)
    flush_magazine (a, cache, class, sy_cache_top (cache, class));
  if (previous != NULL)
    flush_magazine (a, cache, class, previous);
  sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  cache->previous[class] = NULL;
  sy_cache_set_rounds (cache, class, 0);
  sy_cache_publish (a, cache, class);
  sy_cache_change_end (cache);
}

void
sy_thread_cache_flush (struct sy_thread_cache *cache)
{
  struct sydra_alloc *a = (struct sydra_alloc *) AO_load (&cache->owner);

  for (unsigned class = 1; class < SY_CLASSES; class++)
    sy_cache_flush_class (a, cache, class);
  sy_cache_change_begin (cache, 0);
  while (cache->spare_count != 0)
    sy_magazine_give (cache->spare[--cache->spare_count]);
  sy_cache_change_end (cache);
}

void
sy_thread_cache_abandon (struct sy_thread_cache *cache)
{
  if (AO_load (&cache->changes) % 2 == 0)
    return;
  sy_cache_load (cache, cache->changing, (void **) SY_NO_TOP, false);
  cache->previous[cache->changing] = NULL;
  cache->spare_count = 0;
  sy_cache_change_end (cache);
}

void
sy_thread_cache_start (struct sy_thread_cache *cache, struct sydra_alloc *a)
{
  memset (cache, 0, sizeof *cache);
  cache->base = (uintptr_t) sy_region.base;
  cache->granules = a->pool.map == NULL ? 0 : sy_region.bytes >> SY_GRANULE_SHIFT;
  cache->map = a->pool.map;
  for (unsigned class = 0; class < SY_CLASSES; class++)
    sy_cache_load (cache, class, (void **) SY_NO_TOP, false);
  cache->shed_ns = sy_os_coarse_ns ();
  cache->growths_seen = AO_load (&sy_region.growths);
  cache->home = a->pool.shard_count == 0 ? 0 : sy_pool_home (&a->pool);
  cache->reader.thread_id = sy_os_thread_id ();
  AO_store (&cache->owner, (AO_t) a);
}

/* ---- The heap's blocks ---- */

void
sy_thread_cache_count_heap_malloc (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t bytes)
{
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.allocations[0], &a->retired.allocations[0], 1);
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.heap_bytes, &a->retired.heap_bytes, bytes);
  if (cache != NULL)
    note_bytes (cache, bytes, bytes, 0);
  else
    post (&a->live_bytes, &a->high_bytes, bytes, bytes);
}

void
sy_thread_cache_count_heap_free (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t bytes)
{
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.frees[0], &a->retired.frees[0], 1);
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.heap_bytes, &a->retired.heap_bytes, (AO_t) 0 - bytes);
  if (cache != NULL)
    note_bytes (cache, 0, 0, bytes);
  else
    post (&a->live_bytes, &a->high_bytes, (AO_t) 0 - bytes, 0);
}

void
sy_thread_cache_count_heap_resize (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t old_bytes, size_t new_bytes)
{
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.heap_bytes, &a->retired.heap_bytes, (AO_t) new_bytes - old_bytes);
  /* In place: the old bytes and the new ones are never there at once. */
  size_t more = new_bytes > old_bytes ? new_bytes - old_bytes : 0;

  if (cache != NULL)
    note_bytes (cache, more, more, old_bytes > new_bytes ? old_bytes - new_bytes : 0);
  else
    post (&a->live_bytes, &a->high_bytes, new_bytes - old_bytes, more);
}
