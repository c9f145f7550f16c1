/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread_cache.h"

#include <string.h>

#include "bug.h"
#include "heap.h"
#include "os.h"
#include "reap.h"

const char sy_owner_gone;

/* Behind a NULL: the alloc side without a magazine. */
static void *nothing[2];
#define NO_ALLOC_TOP ((AO_t) &nothing[1])
#define NO_FREE_TOP ((AO_t) 0)

static void **
top_of (const AO_t *side)
{
  return (void **) AO_load (side);
}

/* ---- Books ---- */

/* Blocks handed out and taken back, in that order at the worst: the peak is exact or up to `frees` too high. */
static void
note_blocks (struct sy_thread_cache *cache, unsigned class, size_t allocations, size_t frees)
{
  intptr_t net = (intptr_t) AO_load (&cache->net[class]);

  sy_own_add (&cache->counts.allocations[class], allocations);
  sy_own_add (&cache->counts.frees[class], frees);
  if (net + (intptr_t) allocations > (intptr_t) AO_load (&cache->peak[class]))
    AO_store (&cache->peak[class], (AO_t) net + allocations);
  AO_store (&cache->net[class], (AO_t) net + allocations - frees);
}

static void
publish_one (AO_t *live, AO_t *high, AO_t *net, AO_t *peak)
{
  /* Most classes of most threads. */
  if ((AO_load (net) | AO_load (peak)) == 0)
    return;

  intptr_t before = (intptr_t) AO_fetch_and_add (live, AO_load (net)), most = before + (intptr_t) AO_load (peak);

  if (most > 0)
    sy_shared_raise (high, (AO_t) most);
  AO_store (net, 0);
  AO_store (peak, 0);
}

/* Tells the handle how many blocks of the class, and bytes in all, the thread has more or fewer than it knows of. */
static void
publish (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  publish_one (&a->live[class], &a->high[class], &cache->net[class], &cache->peak[class]);
  publish_one (&a->live_bytes, &a->high_bytes, &cache->net_bytes, &cache->peak_bytes);
}

static void
note_bytes (struct sy_thread_cache *cache, size_t allocated, size_t freed)
{
  intptr_t net = (intptr_t) AO_load (&cache->net_bytes);

  if (net + (intptr_t) allocated > (intptr_t) AO_load (&cache->peak_bytes))
    AO_store (&cache->peak_bytes, (AO_t) net + allocated);
  net += (intptr_t) allocated - (intptr_t) freed;
  AO_store (&cache->net_bytes, (AO_t) net);
  if (net >= SY_PUBLISH_BYTES || net <= -SY_PUBLISH_BYTES)
    publish ((struct sydra_alloc *) AO_load (&cache->owner), cache, 0);
}

/* Counts the class's hits since the last time. */
static void
settle (struct sy_thread_cache *cache, unsigned class)
{
  AO_t alloc_top = AO_load (&cache->alloc_top[class]), free_top = AO_load (&cache->free_top[class]);
  size_t pops = (AO_load (&cache->alloc_loaded[class]) - alloc_top) / sizeof (void *);
  size_t pushes = (free_top - AO_load (&cache->free_loaded[class])) / sizeof (void *);

  if ((pops | pushes) == 0)
    return;
  note_blocks (cache, class, pops, pushes);
  AO_store (&cache->alloc_loaded[class], alloc_top);
  AO_store (&cache->free_loaded[class], free_top);
  note_bytes (cache, pops * sy_size_classes[class].bytes, pushes * sy_size_classes[class].bytes);
}

/* The owner changes a class's sides between begin and end; a reader that saw it happen reads again. */
static void
change_begin (struct sy_thread_cache *cache, unsigned class)
{
  cache->changing = class;
  AO_store (&cache->changes, AO_load (&cache->changes) + 1);
  AO_nop_write (); /* before the changes; pairs with AO_nop_read in read_cache */
  settle (cache, class);
}

static void
change_end (struct sy_thread_cache *cache)
{
  /* release: after the changes; pairs with the acquire in read_cache. */
  AO_store_release (&cache->changes, AO_load (&cache->changes) + 1);
}

/* ---- Sides ---- */

static void
set_alloc_top (struct sy_thread_cache *cache, unsigned class, AO_t top)
{
  AO_store (&cache->next[class], (AO_t) ((void **) top)[-1]);
  AO_store (&cache->alloc_top[class], top);
  AO_store (&cache->alloc_loaded[class], top);
}

static void
set_free_top (struct sy_thread_cache *cache, unsigned class, AO_t top)
{
  AO_store (&cache->free_top[class], top);
  AO_store (&cache->free_loaded[class], top);
}

static struct sy_magazine *
alloc_magazine (const struct sy_thread_cache *cache, unsigned class)
{
  return AO_load (&cache->alloc_top[class]) == NO_ALLOC_TOP ? NULL : sy_magazine_of (top_of (&cache->alloc_top[class]));
}

static struct sy_magazine *
free_magazine (const struct sy_thread_cache *cache, unsigned class)
{
  return AO_load (&cache->free_top[class]) == NO_FREE_TOP ? NULL : sy_magazine_of (top_of (&cache->free_top[class]));
}

static struct sy_magazine *
take_empty (struct sy_thread_cache *cache)
{
  return cache->spare_count != 0 ? cache->spare[--cache->spare_count] : sy_magazine_take ();
}

static void
give_empty (struct sy_thread_cache *cache, struct sy_magazine *magazine)
{
  if (cache->spare_count < SY_SPARES_MAX)
    cache->spare[cache->spare_count++] = magazine;
  else
    sy_magazine_give (magazine);
}

/* Each side's magazine to the other side; an empty one gets its full room first. */
static void
change_places (struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *other = alloc_magazine (cache, class);
  AO_t other_top = AO_load (&cache->alloc_top[class]);

  set_alloc_top (cache, class, AO_load (&cache->free_top[class]));
  if (other == NULL)
    other_top = NO_FREE_TOP;
  else if (sy_magazine_is_empty ((void **) other_top))
    other_top = (AO_t) sy_magazine_clear (other, cache->rounds[class]);
  else
    other->zeroed = false;
  set_free_top (cache, class, other_top);
}

static void
grow_rounds (struct sy_thread_cache *cache, unsigned class)
{
  unsigned most = sy_size_classes[class].rounds;

  cache->rounds[class] = 2 * cache->rounds[class] < most ? 2 * cache->rounds[class] : most;
}

/* How many blocks of at most `most` the handle's limit still allows; they are charged. */
static unsigned
charge_blocks (struct sydra_alloc *a, unsigned class, unsigned most)
{
  while (most != 0 && !sy_handle_charge (a, (size_t) most * sy_size_classes[class].bytes))
    most /= 2;
  return most;
}

static void
put_blocks (struct sydra_alloc *a, unsigned home, unsigned class, void **blocks, unsigned count)
{
  sy_pool_put (&a->pool, home, class, blocks, count);
  sy_handle_discharge (a, (size_t) count * sy_size_classes[class].bytes);
}

/* ---- Misses ---- */

static bool
load_from_depot (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *full = sy_pool_load (&a->pool, cache->home, class), *empty = alloc_magazine (cache, class);

  if (full == NULL)
    return false;
  if (!sy_handle_charge (a, (size_t) full->rounds * sy_size_classes[class].bytes))
    {
      sy_pool_put (&a->pool, cache->home, class, sy_magazine_end (full) - full->rounds, full->rounds);
      give_empty (cache, full);
      return false;
    }
  if (empty != NULL)
    give_empty (cache, empty);
  set_alloc_top (cache, class, (AO_t) sy_magazine_end (full));
  return true;
}

static bool
carve (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *magazine = alloc_magazine (cache, class);
  unsigned charged = charge_blocks (a, class, cache->rounds[class]), carved = 0;
  bool zeroed = true;

  if (charged == 0)
    return false;
  if (magazine == NULL)
    magazine = take_empty (cache);
  if (magazine != NULL)
    carved = sy_pool_carve (&a->pool, cache->home, class, charged, sy_magazine_end (magazine), &zeroed);
  sy_handle_discharge (a, (size_t) (charged - carved) * sy_size_classes[class].bytes);
  if (carved == 0)
    {
      if (magazine != NULL && alloc_magazine (cache, class) == NULL)
        give_empty (cache, magazine);
      return false;
    }
  (void) sy_magazine_clear (magazine, carved);
  magazine->zeroed = zeroed;
  set_alloc_top (cache, class, (AO_t) sy_magazine_end (magazine));
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
  unsigned freed = held (free_magazine (cache, class), top_of (&cache->free_top[class]));

  if (freed == 0 || !worth_a_change (cache, class, freed))
    {
      if (load_from_depot (a, cache, class) || carve (a, cache, class))
        {
          sy_own_add (&cache->counts.refills[class], 1);
          grow_rounds (cache, class);
          publish (a, cache, class);
          return true;
        }
      if (freed == 0)
        return false;
    }
  change_places (cache, class);
  grow_rounds (cache, class);
  return true;
}

/* One step a call at the most: what else is due follows at the next ones. */
void
sy_thread_cache_reap (struct sydra_alloc *a)
{
  uint64_t now_ns = sy_os_coarse_ns ();

  if (sy_pool_reap_is_due (&a->pool, now_ns))
    sy_pool_reap (&a->pool, now_ns);
  else if (sy_region_reap_is_due (now_ns))
    sy_region_reap (now_ns);
  else
    sy_heap_reap (now_ns);
}

static void
flush_class (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void **top;
  struct sy_magazine *alloc = alloc_magazine (cache, class), *freed = free_magazine (cache, class);
  unsigned count = 0;

  if (alloc != NULL)
    {
      for (top = top_of (&cache->alloc_top[class]); !sy_magazine_is_empty (top); top--)
        count++;
      put_blocks (a, cache->home, class, top, count);
      set_alloc_top (cache, class, NO_ALLOC_TOP);
      give_empty (cache, alloc);
    }
  if (freed != NULL)
    {
      for (count = 0, top = top_of (&cache->free_top[class]); !sy_magazine_is_empty (top); top--)
        count++;
      put_blocks (a, cache->home, class, top, count);
      set_free_top (cache, class, NO_FREE_TOP);
      give_empty (cache, freed);
    }
}

/* Since the last look, has the thread called for fewer blocks of the class, to have or to free, than a magazine holds? */
static bool
is_idle (struct sy_thread_cache *cache, unsigned class)
{
  AO_t hits = AO_load (&cache->alloc_loaded[class]) - AO_load (&cache->alloc_top[class]) + AO_load (&cache->free_top[class])
              - AO_load (&cache->free_loaded[class]);
  AO_t calls = AO_load (&cache->counts.allocations[class]) + AO_load (&cache->counts.frees[class]) + hits / sizeof (void *);
  bool idle = calls - cache->calls_seen[class] < cache->rounds[class];

  cache->calls_seen[class] = calls;
  return idle;
}

/*
 * Memory has grown since the last look, for the class: what the thread holds of others that it did little with goes to the slabs, and what lay
 * in its shard's depots, so that whole slabs get free.  A few blocks of each slab, freed last, are enough to hold it back.
 */
static void SY_NOINLINE
shed (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned growing)
{
  AO_t growths = AO_load (&sy_region.growths);

  cache->growths_seen = growths;
  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (is_idle (cache, class) && class != growing
        && (AO_load (&cache->alloc_top[class]) != NO_ALLOC_TOP || AO_load (&cache->free_top[class]) != NO_FREE_TOP))
      {
        change_begin (cache, class);
        flush_class (a, cache, class);
        cache->rounds[class] = SY_ROUNDS_FIRST;
        change_end (cache);
      }
  sy_pool_shed (&a->pool, sy_home_shard (cache->home), growths);
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

/* A block that no magazine held: published, as a full one is, once the thread differs by a magazine's blocks. */
static void
note_direct (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, size_t allocations, size_t frees)
{
  size_t bytes = sy_size_classes[class].bytes;

  note_blocks (cache, class, allocations, frees);
  note_bytes (cache, allocations * bytes, frees * bytes);

  intptr_t net = (intptr_t) AO_load (&cache->net[class]), most = (intptr_t) sy_size_classes[class].rounds;

  if (net >= most || net <= -most)
    publish (a, cache, class);
}

static void *
malloc_direct (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void *block = take_one (a, cache->home, class);

  if (block != NULL)
    note_direct (a, cache, class, 1, 0);
  return block;
}

void *
sy_thread_cache_malloc_miss (struct sy_thread_cache *cache, unsigned class)
{
  struct sydra_alloc *a = (struct sydra_alloc *) AO_load (&cache->owner);
  struct sy_magazine *magazine = alloc_magazine (cache, class);
  void *block = NULL;

  change_begin (cache, class);
  /* For what comes without a magazine. */
  if (magazine != NULL)
    magazine->zeroed = false;
  if (a->pool.direct)
    block = malloc_direct (a, cache, class);
  else if (refill (a, cache, class))
    block = sy_thread_cache_pop (cache, class);
  else  /* for want of a magazine, it may be */
    block = malloc_direct (a, cache, class);
  change_end (cache);
  sy_thread_cache_reap (a);
  if (SY_UNLIKELY (cache->growths_seen != AO_load (&sy_region.growths)))
    shed (a, cache, class);
  return block;
}

bool
sy_thread_cache_popped_zeroed (const struct sy_thread_cache *cache, unsigned class)
{
  const struct sy_magazine *magazine = alloc_magazine (cache, class);

  return magazine != NULL && magazine->zeroed;
}

/* A magazine's worth of room on the free side, which had no magazine.  False: no memory for one. */
static bool
start_free_side (struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *magazine = take_empty (cache);

  if (magazine == NULL)
    return false;
  set_free_top (cache, class, (AO_t) sy_magazine_clear (magazine, cache->rounds[class]));
  return true;
}

/* Gives the full free side to the depot or, where that has its fill, its blocks to their slabs. */
static bool
hand_in_free_side (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, struct sy_magazine *full)
{
  unsigned rounds = full->rounds;

  publish (a, cache, class);
  if (!sy_pool_store (&a->pool, cache->home, class, full))
    {
      put_blocks (a, cache->home, class, sy_magazine_end (full) - rounds, rounds);
      set_free_top (cache, class, (AO_t) sy_magazine_clear (full, cache->rounds[class]));
      return true;
    }
  sy_handle_discharge (a, (size_t) rounds * sy_size_classes[class].bytes);
  grow_rounds (cache, class);
  set_free_top (cache, class, NO_FREE_TOP);
  return start_free_side (cache, class);
}

/* Makes room on the free side, which is full or has no magazine.  False: no memory for one. */
static bool
make_room (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  struct sy_magazine *full = free_magazine (cache, class), *other = alloc_magazine (cache, class);

  if (full == NULL)
    return start_free_side (cache, class);

  unsigned left = held (other, top_of (&cache->alloc_top[class]));

  if (left == 0 || (other->rounds > left && worth_a_change (cache, class, other->rounds - left)))
    {
      change_places (cache, class);
      return free_magazine (cache, class) != NULL || start_free_side (cache, class);
    }
  return hand_in_free_side (a, cache, class, full);
}

static void
free_miss (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, void *block)
{
  change_begin (cache, class);
  if (a->pool.direct || !make_room (a, cache, class))
    {
      put_blocks (a, cache->home, class, &block, 1);
      note_direct (a, cache, class, 0, 1);
    }
  else
    {
      void **top = top_of (&cache->free_top[class]);

      *top = block;
      AO_store (&cache->free_top[class], (AO_t) (top + 1));
    }
  change_end (cache);
  sy_thread_cache_reap (a);
}

/* Debug builds look through both sides and the slab's bits for a block that is on its way in. */
static void
debug_check (const struct sy_thread_cache *cache, unsigned class, const void *block)
{
  const AO_t *side[2] = { &cache->alloc_top[class], &cache->free_top[class] };

  for (unsigned at = 0; at < 2; at++)
    for (void **top = top_of (side[at]); top != NULL && top[-1] != NULL; top--)
      if (top[-1] == block)
        sy_bug ("sydra_free", block, "block freed twice");
  sy_pool_check (class, block);
}

void
sy_thread_cache_free (struct sy_thread_cache *cache, unsigned class, void *block)
{
  void **top = top_of (&cache->free_top[class]);

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
sy_thread_cache_free_magazine (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, struct sy_magazine *full)
{
  unsigned rounds = full->rounds, home = cache == NULL ? 0 : cache->home;

  if (cache != NULL)
    {
      change_begin (cache, class);
      note_direct (a, cache, class, 0, rounds);
      change_end (cache);
    }
  else
    sy_shared_add (&a->retired.frees[class], rounds);
  /* A short one would soon be a miss again. */
  if (!a->pool.direct && rounds >= sy_size_classes[class].rounds / 2 && sy_pool_store (&a->pool, home, class, full))
    sy_handle_discharge (a, (size_t) rounds * sy_size_classes[class].bytes);
  else
    {
      put_blocks (a, home, class, sy_magazine_end (full) - rounds, rounds);
      sy_magazine_give (full);
    }
}

void *
sy_thread_cacheless_malloc (struct sydra_alloc *a, unsigned class)
{
  void *block = take_one (a, 0, class);

  if (block != NULL)
    sy_shared_add (&a->retired.allocations[class], 1);
  return block;
}

void
sy_thread_cacheless_free (struct sydra_alloc *a, unsigned class, void *block)
{
  put_blocks (a, 0, class, &block, 1);
  sy_shared_add (&a->retired.frees[class], 1);
}

void
sy_thread_cache_flush (struct sy_thread_cache *cache)
{
  struct sydra_alloc *a = (struct sydra_alloc *) AO_load (&cache->owner);

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      change_begin (cache, class);
      flush_class (a, cache, class);
      publish (a, cache, class);
      change_end (cache);
    }
  change_begin (cache, 0);
  while (cache->spare_count != 0)
    sy_magazine_give (cache->spare[--cache->spare_count]);
  change_end (cache);
}

void
sy_thread_cache_abandon (struct sy_thread_cache *cache)
{
  if (AO_load (&cache->changes) % 2 == 0)
    return;
  set_alloc_top (cache, cache->changing, NO_ALLOC_TOP);
  set_free_top (cache, cache->changing, NO_FREE_TOP);
  cache->spare_count = 0;
  change_end (cache);
}

void
sy_thread_cache_start (struct sy_thread_cache *cache, struct sydra_alloc *a)
{
  memset (cache, 0, sizeof *cache);
  cache->base = (uintptr_t) sy_region.base;
  cache->bytes = a->pool.map == NULL ? 0 : sy_region.bytes;
  cache->map = a->pool.map;
  cache->zone_shift = sy_region.zone_shift;
  for (unsigned class = 0; class < SY_CLASSES; class++)
    {
      set_alloc_top (cache, class, NO_ALLOC_TOP);
      set_free_top (cache, class, NO_FREE_TOP);
      cache->rounds[class] = SY_ROUNDS_FIRST;
    }
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
    note_bytes (cache, bytes, 0);
}

void
sy_thread_cache_count_heap_free (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t bytes)
{
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.frees[0], &a->retired.frees[0], 1);
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.heap_bytes, &a->retired.heap_bytes, (AO_t) 0 - bytes);
  if (cache != NULL)
    note_bytes (cache, 0, bytes);
}

void
sy_thread_cache_count_heap_resize (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t old_bytes, size_t new_bytes)
{
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.heap_bytes, &a->retired.heap_bytes, (AO_t) new_bytes - old_bytes);
  /* In place: the old bytes and the new ones are never there at once. */
  if (cache != NULL)
    note_bytes (cache, new_bytes > old_bytes ? new_bytes - old_bytes : 0, old_bytes > new_bytes ? old_bytes - new_bytes : 0);
}
