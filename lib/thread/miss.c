/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/miss.h"

#include <string.h>

#include "base/bug.h"
#include "thread/hits.h"
#include "thread/magazines.h"
#include "thread/trim.h"

/* ---- Capacity: how many blocks a class's next magazine has room for ---- */

static void
grow_capacity (const struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  unsigned now = cache->capacity[class], most = sy_size_classes[class].capacity,
           next = 2 * now < most ? 2 * now : most;

  if (next == now || (cache->halved >> class & 1) != 0)
    {
      cache->halved &= ~(UINT64_C (1) << class);
      return;
    }
  if (sy_cache_has_budget (a, cache, 2 * (size_t) (next - now) * sy_size_classes[class].bytes))
    {
      sy_cache_set_capacity (cache, class, next);
      cache->last_participants = AO_load (&a->domain.participants);
    }
  else
    cache->wants_budget = true;
}

/* Gives a class without magazines its first capacity, even over the budget. */
static void
open_class (const struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  if (SY_LIKELY (cache->capacity[class] != 0))
    return;
  sy_cache_set_capacity (cache, class, sy_cache_first_capacity (class));
  if (!sy_cache_has_budget (a, cache, 0))
    cache->wants_budget = true;
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

/* Loads a full magazine from a depot.  False: it is NULL, or over the limit and was put back. */
static bool
load_full (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, struct sy_magazine *full)
{
  struct sy_magazine *empty = sy_cache_loaded (cache, class);

  if (full == NULL)
    return false;
  if (!sy_handle_charge (a, (size_t) full->rounds * sy_size_classes[class].bytes))
    {
      sy_pool_put (&a->pool, cache->home, class, sy_magazine_end (full) - full->rounds,
                   full->rounds);
      sy_magazine_give (full);
      return false;
    }
  if (empty != NULL)
    sy_magazine_give (empty);
  sy_cache_load (cache, class, sy_magazine_end (full), false);
  return true;
}

static bool
carve (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  struct sy_magazine *magazine = sy_cache_loaded (cache, class);
  unsigned charged = charge_blocks (a, class, cache->capacity[class]), carved = 0;
  bool zeroed = true;

  if (charged == 0)
    return false;
  if (magazine == NULL)
    magazine = sy_magazine_take ();
  if (magazine != NULL)
    carved = sy_pool_carve (&a->pool, cache->home, class, charged, sy_magazine_end (magazine),
                            &zeroed);
  sy_handle_discharge (a, (size_t) (charged - carved) * sy_size_classes[class].bytes);
  if (carved == 0)
    {
      if (magazine != NULL && sy_cache_loaded (cache, class) == NULL)
        sy_magazine_give (magazine);
      return false;
    }
  (void) sy_magazine_clear (magazine, carved);
  /* The bin at home only says whether the class has slabs enough: the blocks may be a
     neighbour's. */
  if (zeroed)
    sy_bin_populate (sy_pool_bin (&a->pool, sy_home_shard (cache->home), class), class,
                     sy_magazine_end (magazine), carved);
  sy_cache_load (cache, class, sy_magazine_end (magazine), zeroed);
  return true;
}

/*
 * Swaps the loaded magazine, which is empty, and the previous one, which has blocks.  If the
 * previous one is full, moves only the half that was freed last, so that neither a free nor a
 * malloc is soon a miss again.
 */
static void
load_previous (struct sy_cache *cache, unsigned class)
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
  top = sy_magazine_clear (loaded, count > cache->capacity[class] ? count : cache->capacity[class]);
  memcpy (top, below - half, half * sizeof *top);
  cache->previous[class] = below - half;
  sy_cache_load (cache, class, top + half, false);
}

/*
 * From home's depot or the inbox; from slabs, if those at home have a magazine of blocks; from what
 * other depots can spare; from any slabs.  What other threads write is looked at last.
 */
static bool
refill_from_pool (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  const struct sy_bin *bin = sy_pool_bin (&a->pool, sy_home_shard (cache->home), class);

  if (load_full (a, cache, class, sy_pool_take_magazine (&a->pool, cache->home, class)))
    return true;
  /* Relaxed: a guess. */
  if (AO_load (&bin->free_blocks) >= cache->capacity[class] && carve (a, cache, class))
    return true;
  return load_full (a, cache, class, sy_pool_take_spare (&a->pool, cache->home, class))
         || carve (a, cache, class);
}

/* Fills the loaded magazine, which is empty. */
static bool
refill (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  if (cache->previous[class] != NULL && !sy_magazine_is_empty (cache->previous[class]))
    load_previous (cache, class);
  else if (refill_from_pool (a, cache, class))
    sy_own_add (&cache->books.counts.refills[class], 1);
  else
    return false;
  grow_capacity (a, cache, class);
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
malloc_direct (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  void *block = take_one (a, cache->home, class);

  if (block != NULL)
    sy_counts_direct (a, cache, class, 1, 0);
  return block;
}

void *
sy_miss_malloc (struct sy_cache *cache, unsigned class)
{
  struct sydra_alloc *a = sy_cache_owner (cache);
  void *block = NULL;

  sy_counts_change_begin (cache, class);
  open_class (a, cache, class);
  cache->popped_fresh = false; /* for what comes without a magazine */
  if (a->pool.direct)
    block = malloc_direct (a, cache, class);
  else if (refill (a, cache, class))
    block = sy_cache_pop_fresh (cache, class);
  else  /* for want of a magazine, it may be */
    block = malloc_direct (a, cache, class);
  sy_counts_change_end (cache);
  sy_cache_trim (a, cache, class);
  return block;
}

/* Loads an empty magazine; the loaded one, which is full, becomes the previous one.  False: there
   is no magazine, and nothing has changed. */
static bool
load_empty (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  void **previous = cache->previous[class];
  bool is_empty = previous != NULL && sy_magazine_is_empty (previous);
  struct sy_magazine *empty = is_empty ? sy_magazine_of (previous) : sy_magazine_take (),
                     *loaded = sy_cache_loaded (cache, class);

  if (empty == NULL && loaded == NULL)
    return false;
  if (empty == NULL)
    {
      /* For want of memory for another one. */
      sy_cache_put_blocks (a, cache->home, class, sy_magazine_end (loaded) - loaded->rounds,
                           loaded->rounds);
      empty = loaded;
    }
  else if (loaded != NULL)
    {
      if (previous != NULL && !is_empty)
        {
          /* It holds what was freed longer ago than the loaded one. */
          (void) sy_magazine_pack (sy_magazine_of (previous), previous);
          if (!sy_cache_hand_in (a, cache->home, class, sy_magazine_of (previous),
                                 cache->capacity[class] / 2))
            sy_magazine_give (sy_magazine_of (previous));
          grow_capacity (a, cache, class);
        }
      cache->previous[class] = sy_cache_top (cache, class);
    }
  sy_cache_load (cache, class, sy_magazine_clear (empty, cache->capacity[class]), false);
  return true;
}

static void
free_miss (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, void *block)
{
  sy_counts_change_begin (cache, class);
  open_class (a, cache, class);
  if (a->pool.direct || !load_empty (a, cache, class))
    {
      sy_cache_put_blocks (a, cache->home, class, &block, 1);
      sy_counts_direct (a, cache, class, 0, 1);
    }
  else
    (void) sy_cache_push_kind (cache, class, block);
  sy_counts_change_end (cache);
  sy_cache_trim (a, cache, class);
}

/* Debug builds look through both magazines and the slab's bits for a block that is on its way
   in. */
static void
debug_check (const struct sy_cache *cache, unsigned class, const void *block)
{
  void **const tops[2] = { sy_cache_top (cache, class), cache->previous[class] };

  for (unsigned at = 0; at < 2; at++)
    for (void **top = tops[at]; top != NULL && top[-1] != NULL; top--)
      if (top[-1] == block)
        sy_bug ("sydra_free", block, "block freed twice");
  sy_pool_check (class, block);
}

void
sy_cache_free (struct sy_cache *cache, unsigned class, void *block)
{
  if (sy_holds (&cache->next[class], (AO_t) block))
    sy_bug ("sydra_free", block, "block freed twice");
  if (SY_DEBUG)
    {
      debug_check (cache, class, block);
      memset (block, SY_POISON, sy_size_classes[class].bytes);
    }
  if (!sy_cache_push_kind (cache, class, block))
    free_miss (sy_cache_owner (cache), cache, class, block);
}

void
sy_miss_free_magazine (struct sydra_alloc *a, struct sy_cache *cache, unsigned class,
                       struct sy_magazine *full)
{
  if (cache != NULL)
    sy_counts_change_begin (cache, class);
  sy_counts_direct (a, cache, class, 0, full->rounds);
  /* Here: should the thread be absent from a fork's child, it shall lose this magazine and not its
     own ones too. */
  if (cache != NULL)
    sy_counts_change_end (cache);
  if (!sy_cache_hand_in (a, cache == NULL ? 0 : cache->home, class, full,
                         sy_size_classes[class].capacity / 2))
    sy_magazine_give (full);
}

void *
sy_miss_cacheless_malloc (struct sydra_alloc *a, unsigned class)
{
  void *block = take_one (a, 0, class);

  if (block != NULL)
    sy_counts_direct (a, NULL, class, 1, 0);
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
  sy_counts_direct (a, NULL, class, 0, 1);
}
