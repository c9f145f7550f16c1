/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/miss.h"

#include <string.h>

#include "base/bug.h"
#include "thread/tend.h"

/* ---- Room: how many blocks of each class the thread's next magazines have room for ---- */

static void
grow_rounds (const struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  unsigned now = cache->rounds[class], most = sy_size_classes[class].rounds, next = 2 * now < most ? 2 * now : most;

  if (next == now)
    return;
  if (sy_cache_has_room (a, cache, 2 * (size_t) (next - now) * sy_size_classes[class].bytes))
    {
      sy_cache_set_rounds (cache, class, next);
      cache->caches_then = AO_load (&a->cache_count);
    }
  else
    cache->wants_room = true;
}

/* A class that the thread begins with, whether there is room or not. */
static void
open_class (const struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  if (SY_LIKELY (cache->rounds[class] != 0))
    return;
  sy_cache_set_rounds (cache, class, sy_cache_first_rounds (class));
  if (!sy_cache_has_room (a, cache, 0))
    cache->wants_room = true;
}

/* How many blocks of at most `most` the handle's limit still allows; they are charged. */
static unsigned
charge_blocks (struct sydra_alloc *a, unsigned class, unsigned most)
{
  while (most != 0 && !sy_handle_charge (a, (size_t) most * sy_size_classes[class].bytes))
    most /= 2;
  return most;
}

/* ---- Misses ---- */

static bool
load_from_depot (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *full = sy_pool_load (&a->pool, cache->home, class), *empty = sy_cache_loaded (cache, class);

  if (full == NULL)
    return false;
  if (!sy_handle_charge (a, (size_t) full->rounds * sy_size_classes[class].bytes))
    {
      sy_pool_put (&a->pool, cache->home, class, sy_magazine_end (full) - full->rounds, full->rounds);
      sy_cache_give_empty (cache, full);
      return false;
    }
  if (empty != NULL)
    sy_cache_give_empty (cache, empty);
  sy_cache_load (cache, class, sy_magazine_end (full), false);
  return true;
}

/*
 * The blocks from first to last, in rising order, were never handed out: their pages are populated, those that they are the first to come to
 * and some behind them, up to a multiple of SY_POPULATE_PAGES, which no slab ends short of.  Of larger blocks than a page some pages may never
 * be touched.  First may lie in another slab, anywhere.
 */
static void
populate (const struct sydra_alloc *a, const struct sy_thread_cache *cache, unsigned class, const char *first, const char *last)
{
  static AO_t unknown; /* 1: the system does not know how */
  const struct sy_bin *bin = sy_pool_bin (&a->pool, sy_home_shard (cache->home), class);
  size_t page = sy_os_page_bytes (), mask = SY_POPULATE_PAGES * page - 1, bytes = sy_size_classes[class].bytes;
  const char *slab = sy_region_address (sy_region_slab_of (last));
  uintptr_t from = ((uintptr_t) (first > slab ? first : slab) + mask) & ~mask, to = ((uintptr_t) last + bytes + mask) & ~mask;

  /* Relaxed: a hint and a bound. */
  if (from >= to || bytes > page || mask >= SY_UNIT_BYTES || AO_load (&bin->slabs) < SY_POPULATE_SLABS || AO_load (&unknown) != 0)
    return;
  if (!sy_os_populate ((void *) from, to - from))
    AO_store (&unknown, 1);
}

static bool
carve (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *magazine = sy_cache_loaded (cache, class);
  unsigned charged = charge_blocks (a, class, cache->rounds[class]), carved = 0;
  bool zeroed = true;

  if (charged == 0)
    return false;
  if (magazine == NULL)
    magazine = sy_cache_take_empty (cache);
  if (magazine != NULL)
    carved = sy_pool_carve (&a->pool, cache->home, class, charged, sy_magazine_end (magazine), &zeroed);
  sy_handle_discharge (a, (size_t) (charged - carved) * sy_size_classes[class].bytes);
  if (carved == 0)
    {
      if (magazine != NULL && sy_cache_loaded (cache, class) == NULL)
        sy_cache_give_empty (cache, magazine);
      return false;
    }
  (void) sy_magazine_clear (magazine, carved);
  if (zeroed)
    populate (a, cache, class, sy_magazine_end (magazine)[-1], sy_magazine_end (magazine)[-(ptrdiff_t) carved]);
  sy_cache_load (cache, class, sy_magazine_end (magazine), zeroed);
  return true;
}

/*
 * Loads what the previous magazine has, which is more than nothing; the loaded one has no block.  Of a full one the half freed last, so that
 * neither a free nor a malloc is soon a miss again.
 */
static void
load_previous (struct sy_thread_cache *cache, unsigned class)
{
  void **below = cache->previous[class], **top = sy_cache_top (cache, class);
  struct sy_magazine *loaded = sy_cache_loaded (cache, class);
  unsigned count = sy_magazine_held (sy_magazine_of (below), below), half = count / 2;

  if (half == 0 || !sy_magazine_is_full (below))
    {
      cache->previous[class] = top;
      sy_cache_load (cache, class, below, false);
      return;
    }
  top = sy_magazine_clear (loaded, count > cache->rounds[class] ? count : cache->rounds[class]);
  memcpy (top, below - half, half * sizeof *top);
  cache->previous[class] = below - half;
  sy_cache_load (cache, class, top + half, false);
}

/* Fills the loaded magazine, which is empty. */
static bool
refill (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  if (cache->previous[class] != NULL && !sy_magazine_is_empty (cache->previous[class]))
    load_previous (cache, class);
  else if (load_from_depot (a, cache, class) || carve (a, cache, class))
    {
      sy_own_add (&cache->counts.refills[class], 1);
      sy_cache_publish (a, cache, class);
    }
  else
    return false;
  grow_rounds (a, cache, class);
  return true;
}

/* One block straight from a slab. */
static void *
take_one (struct sydra_alloc *a, unsigned home, unsigned class)
{
  void *block[1];
  bool zeroed = false;

  if (charge_blocks (a, class, 1) == 0)
    return NULL;
  if (sy_pool_carve (&a->pool, home, class, 1, block + 1, &zeroed) == 1)
    return block[0];
  sy_handle_discharge (a, sy_size_classes[class].bytes);
  return NULL;
}

static void *
malloc_direct (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void *block = take_one (a, cache->home, class);

  if (block != NULL)
    sy_cache_note_direct (a, cache, class, 1, 0);
  return block;
}

void *
sy_miss_malloc (struct sy_thread_cache *cache, unsigned class)
{
  struct sydra_alloc *a = (struct sydra_alloc *) AO_load (&cache->owner);
  void *block = NULL;

  sy_cache_change_begin (cache, class);
  open_class (a, cache, class);
  cache->popped_fresh = false; /* for what comes without a magazine */
  if (a->pool.direct)
    block = malloc_direct (a, cache, class);
  else if (refill (a, cache, class))
    block = sy_thread_cache_pop_large (cache, class);
  else  /* for want of a magazine, it may be */
    block = malloc_direct (a, cache, class);
  sy_cache_change_end (cache);
  sy_tend (a, cache, class);
  return block;
}

/*
 * Gives what the previous magazine has to the depot or, where that has its fill, to the slabs.  It holds what was freed longer ago than the
 * loaded one, and a short one would soon be a miss again.
 */
static void
hand_in_previous (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void **top = cache->previous[class];
  struct sy_magazine *magazine = sy_magazine_of (top);
  unsigned held = sy_magazine_pack (magazine, top);

  if (held >= cache->rounds[class] / 2 && sy_pool_store (&a->pool, cache->home, class, magazine))
    sy_handle_discharge (a, (size_t) held * sy_size_classes[class].bytes);
  else
    {
      sy_cache_put_blocks (a, cache->home, class, sy_magazine_end (magazine) - held, held);
      sy_cache_give_empty (cache, magazine);
    }
  cache->previous[class] = NULL;
}

/* Loads an empty magazine; the loaded one, which is full, becomes the previous one.  False: no memory, nothing has changed. */
static bool
make_room (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void **previous = cache->previous[class];
  bool is_empty = previous != NULL && sy_magazine_is_empty (previous);
  struct sy_magazine *empty = is_empty ? sy_magazine_of (previous) : sy_cache_take_empty (cache);

  if (empty == NULL)
    return false;
  if (sy_cache_loaded (cache, class) != NULL)
    {
      if (previous != NULL && !is_empty)
        {
          sy_cache_publish (a, cache, class);
          hand_in_previous (a, cache, class);
          grow_rounds (a, cache, class);
        }
      cache->previous[class] = sy_cache_top (cache, class);
    }
  sy_cache_load (cache, class, sy_magazine_clear (empty, cache->rounds[class]), false);
  return true;
}

static void
free_miss (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, void *block)
{
  sy_cache_change_begin (cache, class);
  open_class (a, cache, class);
  if (a->pool.direct || !make_room (a, cache, class))
    {
      sy_cache_put_blocks (a, cache->home, class, &block, 1);
      sy_cache_note_direct (a, cache, class, 0, 1);
    }
  else
    {
      void **top = sy_cache_top (cache, class);

      *top = block;
      AO_store (&cache->top[class], (AO_t) (top + 1));
    }
  sy_cache_change_end (cache);
  sy_tend (a, cache, class);
}

/* Debug builds look through both magazines and the slab's bits for a block that is on its way in. */
static void
debug_check (const struct sy_thread_cache *cache, unsigned class, const void *block)
{
  void **const tops[2] = { sy_cache_top (cache, class), cache->previous[class] };

  for (unsigned at = 0; at < 2; at++)
    for (void **top = tops[at]; top != NULL && top[-1] != NULL; top--)
      if (top[-1] == block)
        sy_bug ("sydra_free", block, "block freed twice");
  sy_pool_check (class, block);
}

void
sy_miss_free (struct sy_thread_cache *cache, unsigned class, void *block)
{
  void **top = sy_cache_top (cache, class);

  if (top[-1] == block)
    sy_bug ("sydra_free", block, "block freed twice");
  if (SY_DEBUG)
    {
      debug_check (cache, class, block);
      memset (block, SY_POISON, sy_size_classes[class].bytes);
    }
  if (sy_magazine_is_full (top))
    {
      free_miss ((struct sydra_alloc *) AO_load (&cache->owner), cache, class, block);
      return;
    }
  *top = block;
  AO_store (&cache->top[class], (AO_t) (top + 1));
}

void
sy_miss_free_magazine (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, struct sy_magazine *full)
{
  unsigned rounds = full->rounds, home = cache == NULL ? 0 : cache->home;

  if (cache != NULL)
    {
      sy_cache_change_begin (cache, class);
      sy_cache_note_direct (a, cache, class, 0, rounds);
      sy_cache_change_end (cache);
    }
  else
    sy_cache_note_alone (a, class, 0, rounds);
  /* A short one would soon be a miss again. */
  if (!a->pool.direct && rounds >= sy_size_classes[class].rounds / 2 && sy_pool_store (&a->pool, home, class, full))
    sy_handle_discharge (a, (size_t) rounds * sy_size_classes[class].bytes);
  else
    {
      sy_cache_put_blocks (a, home, class, sy_magazine_end (full) - rounds, rounds);
      sy_magazine_give (full);
    }
}

void *
sy_miss_cacheless_malloc (struct sydra_alloc *a, unsigned class)
{
  void *block = take_one (a, 0, class);

  if (block != NULL)
    sy_cache_note_alone (a, class, 1, 0);
  return block;
}

void
sy_miss_cacheless_free (struct sydra_alloc *a, unsigned class, void *block)
{
  if (SY_DEBUG)
    {
      sy_pool_check (class, block);
      memset (block, SY_POISON, sy_size_classes[class].bytes);
    }
  sy_cache_put_blocks (a, 0, class, &block, 1);
  sy_cache_note_alone (a, class, 0, 1);
}
