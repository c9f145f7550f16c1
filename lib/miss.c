/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "miss.h"

#include <string.h>

#include "bug.h"
#include "tend.h"

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

/* Each side's magazine to the other side; an empty one gets its full room first. */
static void
change_places (struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *other = sy_cache_alloc_magazine (cache, class);
  AO_t other_top = AO_load (&cache->alloc_top[class]);

  sy_cache_set_alloc_top (cache, class, AO_load (&cache->free_top[class]));
  if (other == NULL)
    other_top = SY_NO_FREE_TOP;
  else if (sy_magazine_is_empty ((void **) other_top))
    other_top = (AO_t) sy_magazine_clear (other, cache->rounds[class]);
  else
    other->zeroed = false;
  sy_cache_set_free_top (cache, class, other_top);
}

/* ---- Misses ---- */

static bool
load_from_depot (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *full = sy_pool_load (&a->pool, cache->home, class), *empty = sy_cache_alloc_magazine (cache, class);

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
  sy_cache_set_alloc_top (cache, class, (AO_t) sy_magazine_end (full));
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
  struct sy_magazine *magazine = sy_cache_alloc_magazine (cache, class);
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
      if (magazine != NULL && sy_cache_alloc_magazine (cache, class) == NULL)
        sy_cache_give_empty (cache, magazine);
      return false;
    }
  (void) sy_magazine_clear (magazine, carved);
  magazine->zeroed = zeroed;
  if (zeroed)
    populate (a, cache, class, sy_magazine_end (magazine)[-1], sy_magazine_end (magazine)[-(ptrdiff_t) carved]);
  sy_cache_set_alloc_top (cache, class, (AO_t) sy_magazine_end (magazine));
  return true;
}

/* How many blocks a magazine holds between its lowest slot in use and top. */
static unsigned
held (struct sy_magazine *magazine, void **top)
{
  return magazine == NULL ? 0 : magazine->rounds - (unsigned) (sy_magazine_end (magazine) - top);
}

/*
 * The sides change places only when that is worth it: the new alloc side holds at least a share of what a magazine may, or the new free side
 * has room for as many.  Otherwise every few hits would be followed by a change.
 */
static bool
worth_a_change (const struct sy_thread_cache *cache, unsigned class, unsigned hits)
{
  return hits >= cache->rounds[class] / SY_CHANGE_SHARE;
}

/* Fills the alloc side, which is empty. */
static bool
refill (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  unsigned freed = held (sy_cache_free_magazine (cache, class), sy_cache_top (&cache->free_top[class]));

  if (freed == 0 || !worth_a_change (cache, class, freed))
    {
      if (load_from_depot (a, cache, class) || carve (a, cache, class))
        {
          sy_own_add (&cache->counts.refills[class], 1);
          grow_rounds (a, cache, class);
          sy_cache_publish (a, cache, class);
          return true;
        }
      if (freed == 0)
        return false;
    }
  change_places (cache, class);
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
  struct sy_magazine *magazine = sy_cache_alloc_magazine (cache, class);
  void *block = NULL;

  sy_cache_change_begin (cache, class);
  open_class (a, cache, class);
  /* For what comes without a magazine. */
  if (magazine != NULL)
    magazine->zeroed = false;
  if (a->pool.direct)
    block = malloc_direct (a, cache, class);
  else if (refill (a, cache, class))
    block = sy_thread_cache_pop (cache, class);
  else  /* for want of a magazine, it may be */
    block = malloc_direct (a, cache, class);
  sy_cache_change_end (cache);
  sy_tend (a, cache, class);
  return block;
}

/* A magazine's worth of room on the free side, which had no magazine.  False: no memory for one. */
static bool
start_free_side (struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *magazine = sy_cache_take_empty (cache);

  if (magazine == NULL)
    return false;
  sy_cache_set_free_top (cache, class, (AO_t) sy_magazine_clear (magazine, cache->rounds[class]));
  return true;
}

/*
 * Gives what the alloc side has left to the depot or, where that has its fill, to the slabs; the side has no magazine then.  A short magazine
 * would soon be a miss again.
 */
static void
hand_in_alloc_side (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *magazine = sy_cache_alloc_magazine (cache, class);
  unsigned left = sy_magazine_pack (magazine, sy_cache_top (&cache->alloc_top[class]));

  if (left >= cache->rounds[class] / 2 && sy_pool_store (&a->pool, cache->home, class, magazine))
    sy_handle_discharge (a, (size_t) left * sy_size_classes[class].bytes);
  else
    {
      sy_cache_put_blocks (a, cache->home, class, sy_magazine_end (magazine) - left, left);
      sy_cache_give_empty (cache, magazine);
    }
  sy_cache_set_alloc_top (cache, class, SY_NO_ALLOC_TOP);
}

/*
 * Makes room on the free side, which is full or has no magazine.  False: no memory for one.
 *
 * What was freed last is to be allocated first, as it lies in the caches: so it is the older blocks, of the alloc side, that go to the depot.
 */
static bool
make_room (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *other = sy_cache_alloc_magazine (cache, class);

  if (sy_cache_free_magazine (cache, class) == NULL)
    return start_free_side (cache, class);

  unsigned left = held (other, sy_cache_top (&cache->alloc_top[class]));

  if (left != 0 && (other->rounds == left || !worth_a_change (cache, class, other->rounds - left)))
    {
      sy_cache_publish (a, cache, class);
      hand_in_alloc_side (a, cache, class);
      grow_rounds (a, cache, class);
    }
  change_places (cache, class);
  return sy_cache_free_magazine (cache, class) != NULL || start_free_side (cache, class);
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
      void **top = sy_cache_top (&cache->free_top[class]);

      *top = block;
      AO_store (&cache->free_top[class], (AO_t) (top + 1));
    }
  sy_cache_change_end (cache);
  sy_tend (a, cache, class);
}

/* Debug builds look through both sides and the slab's bits for a block that is on its way in. */
static void
debug_check (const struct sy_thread_cache *cache, unsigned class, const void *block)
{
  const AO_t *side[2] = { &cache->alloc_top[class], &cache->free_top[class] };

  for (unsigned at = 0; at < 2; at++)
    for (void **top = sy_cache_top (side[at]); top != NULL && top[-1] != NULL; top--)
      if (top[-1] == block)
        sy_bug ("sydra_free", block, "block freed twice");
  sy_pool_check (class, block);
}

void
sy_miss_free (struct sy_thread_cache *cache, unsigned class, void *block)
{
  void **top = sy_cache_top (&cache->free_top[class]);

  if (top != NULL && top[-1] == block)
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
  AO_store (&cache->free_top[class], (AO_t) (top + 1));
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
    sy_shared_add (&a->retired.frees[class], rounds);
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
    sy_shared_add (&a->retired.allocations[class], 1);
  return block;
}

void
sy_miss_cacheless_free (struct sydra_alloc *a, unsigned class, void *block)
{
  sy_cache_put_blocks (a, 0, class, &block, 1);
  sy_shared_add (&a->retired.frees[class], 1);
}
