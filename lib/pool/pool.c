/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/pool.h"

#include "base/bug.h"
#include "base/os.h"

/* ---- A slab's start and end ---- */

/* Writes the entry into the map, for every unit of the slab.  Relaxed: a thread that frees a
   block got it from the thread that carved it, and this hand-over orders the bytes too. */
static void
slab_map (struct sy_pool *pool, uint32_t number, unsigned class, unsigned char entry)
{
  for (uint32_t unit = 0; unit < sy_size_classes[class].units; unit++)
    AO_char_store (&pool->map[number + unit], entry);
}

/* From here on the slab belongs to no pool. */
static void
slab_disown (struct sy_pool *pool, uint32_t number)
{
  slab_map (pool, number, sy_slab_at (number)->class, 0);
  sy_slab_at (number)->owner = NULL;
}

/* Takes a slab from the region and makes it ready for the bin; the caller lets it join.  The caller
   holds no lock.  SY_SLAB_NONE: none to be had. */
static uint32_t
slab_start (struct sy_pool *pool, unsigned shard, unsigned class)
{
  uint32_t number = sy_region_take (class);

  if (number == SY_SLAB_NONE)
    return number;

  struct sy_slab *slab = sy_slab_at (number);

  slab->class = (uint8_t) class;
  slab->shard = (uint16_t) shard;
  slab->owner = pool;
  sy_slab_fill (slab);
  slab_map (pool, number, class, (unsigned char) class);
  return number;
}

void
sy_pool_slab_end (struct sy_pool *pool, uint32_t number, struct sy_slab_chain *chain)
{
  slab_disown (pool, number);
  sy_slab_at (number)->next = chain->first;
  chain->first = number;
  chain->count++;
}

void
sy_pool_give_slabs (const struct sy_slab_chain *chain)
{
  if (chain->count != 0)
    sy_region_give (chain->first, chain->count);
}

/* ---- The pool ---- */

/* The shard that a thread of this home looks at in step number `step`; step 0 is its own. */
static unsigned
neighbour (const struct sy_pool *pool, unsigned home, unsigned step)
{
  unsigned shard = sy_home_shard (home) + step;

  return shard < pool->shard_count ? shard : shard - pool->shard_count;
}

/* How many shards a thread looks at, its own included. */
static unsigned
neighbours (const struct sy_pool *pool)
{
  return pool->shard_count < SY_NEIGHBOURS_MAX ? pool->shard_count : SY_NEIGHBOURS_MAX;
}

static struct sy_magazine *
pop (struct sy_bin *bin, unsigned depot)
{
  struct sy_magazine *magazine = sy_depot_pop (&bin->depot[depot]);

  /* Relaxed: a hint for the reaping. */
  if (magazine != NULL && magazine->depth - 1 < AO_load (&bin->depot_low[depot]))
    AO_store (&bin->depot_low[depot], magazine->depth - 1);
  return magazine;
}

/* Pops a magazine for one of the depot's own threads. */
static struct sy_magazine *
pop_own (struct sy_bin *bin, unsigned depot)
{
  struct sy_magazine *magazine = pop (bin, depot);

  /* Relaxed: a hint for other threads. */
  if (magazine != NULL && AO_load (&bin->depot_used[depot]) == 0)
    AO_store (&bin->depot_used[depot], 1);
  return magazine;
}

/* Pops a magazine that the depot can spare: its own threads took none since the last look, or have
   left some in it all that time. */
static struct sy_magazine *
depot_pop_spare (struct sy_bin *bin, unsigned depot)
{
  bool is_used = AO_load (&bin->depot_used[depot]) != 0;
  AO_t low = AO_load (&bin->depot_low[depot]);
  struct sy_magazine *magazine = is_used && low == 0 ? NULL : pop (bin, depot);

  /* Relaxed: a hint.  One of the magazines that were left has now gone. */
  if (magazine != NULL && is_used && AO_load (&bin->depot_low[depot]) == low)
    AO_store (&bin->depot_low[depot], low - 1);
  return magazine;
}

/* Pops a spare magazine from one of `depots` depots of the bin, beginning with number `first`. */
static struct sy_magazine *
pop_any_spare (struct sy_bin *bin, unsigned first, unsigned depots)
{
  struct sy_magazine *magazine = NULL;

  for (unsigned step = 0; step < depots && magazine == NULL; step++)
    magazine = depot_pop_spare (bin, (first + step) % SY_DEPOTS);
  return magazine;
}

static size_t
whole_pages (size_t bytes)
{
  size_t page = sy_os_page_bytes ();

  return (bytes + page - 1) & ~(page - 1);
}

static size_t
shards_bytes (const struct sy_pool *pool)
{
  return whole_pages (pool->shard_count * sizeof (struct sy_shard));
}

/* The length of a pool's map and the bytes before it. */
static size_t
map_bytes (void)
{
  return whole_pages (sy_region_unit_count () + sy_region.zone_shift);
}

bool
sy_pool_open (struct sy_pool *pool, unsigned shards)
{
  pool->direct = shards == 0;
  pool->shard_count = shards == 0 ? 1 : shards;
  if (!sy_region_open ())
    return false;
  pool->shards = sy_os_map (shards_bytes (pool));
  if (pool->shards == NULL)
    return false;

  unsigned char *map = sy_os_map_sparse (map_bytes ());

  if (map == NULL)
    {
      sy_os_unmap (pool->shards, shards_bytes (pool));
      return false;
    }
  pool->map = map + sy_region.zone_shift;
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      sy_bin_open (sy_pool_bin (pool, shard, class));
  return true;
}

void
sy_pool_close (struct sy_pool *pool)
{
  struct sy_slab_chain chain = SY_SLAB_CHAIN_INIT;

  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      for (unsigned depot = 0; depot < SY_DEPOTS; depot++)
        for (struct sy_magazine *full;
             (full = pop (sy_pool_bin (pool, shard, class), depot)) != NULL;)
          sy_magazine_give (full);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      uint32_t first, used = sy_region_used (class, &first);

      for (uint32_t number = first; number < first + used; number += sy_size_classes[class].units)
        if (pool->map[number] != 0)
          sy_pool_slab_end (pool, number, &chain);
    }
  sy_pool_give_slabs (&chain);
  sy_os_unmap (pool->map - sy_region.zone_shift, map_bytes ());
  sy_os_unmap (pool->shards, shards_bytes (pool));
}

struct sy_magazine *
sy_pool_take_magazine (struct sy_pool *pool, unsigned home, unsigned class)
{
  unsigned shard = sy_home_shard (home), depot = sy_home_depot (home);
  struct sy_magazine *magazine = pop_own (sy_pool_bin (pool, shard, class), depot);

  if (magazine == NULL)
    magazine = pop_any_spare (sy_pool_bin (pool, shard, class), depot + 1, SY_DEPOTS - 1);
  for (unsigned step = 1; step < neighbours (pool) && magazine == NULL; step++)
    {
      magazine = pop_any_spare (sy_pool_bin (pool, neighbour (pool, home, step), class), depot,
                                SY_DEPOTS);
      if (magazine != NULL)
        sy_shared_add (&pool->cross_frees, magazine->rounds);
    }
  return magazine;
}

void
sy_pool_thread_ended (struct sy_pool *pool, unsigned home, unsigned class)
{
  AO_t *used = &sy_pool_bin (pool, sy_home_shard (home), class)->depot_used[sy_home_depot (home)];

  /* Relaxed: a hint for others. */
  if (AO_load (used) != 0)
    AO_store (used, 0);
}

bool
sy_pool_give_magazine (struct sy_pool *pool, unsigned home, unsigned class,
                       struct sy_magazine *magazine)
{
  struct sy_depot *depot
    = &sy_pool_bin (pool, sy_home_shard (home), class)->depot[sy_home_depot (home)];

  if (sy_depot_depth (depot) >= sy_size_classes[class].depot_depth)
    return false;
  sy_depot_push (depot, magazine);
  return true;
}

/* Carves from a bin that has blocks and whose lock is free.  0: there was none. */
static unsigned
carve_without_waiting (struct sy_pool *pool, unsigned home, unsigned class, unsigned count,
                       void **top, bool *zeroed)
{
  for (unsigned step = 0; step < neighbours (pool); step++)
    {
      struct sy_bin *bin = sy_pool_bin (pool, neighbour (pool, home, step), class);

      /* Relaxed: only to skip bins that look empty; sy_bin_carve looks again under the lock. */
      if (AO_load (&bin->free_blocks) == 0 || !sy_timed_lock_try (&bin->lock))
        continue;

      unsigned taken = sy_bin_carve (bin, count, top, zeroed);

      sy_timed_lock_release (&bin->lock);
      if (taken != 0)
        return taken;
    }
  return 0;
}

/* Carves from the bin.  If the bin has no blocks, the slab that the caller started joins it
   first; if it has, this slab goes back.  number may be SY_SLAB_NONE: no slab. */
static unsigned
carve_with_slab (struct sy_pool *pool, struct sy_bin *bin, uint32_t number, unsigned count,
                 void **top, bool *zeroed)
{
  sy_timed_lock_take (&bin->lock);

  bool needed = number != SY_SLAB_NONE && AO_load (&bin->free_blocks) == 0;

  if (needed)
    sy_bin_join (bin, number);

  unsigned taken = sy_bin_carve (bin, count, top, zeroed);

  sy_timed_lock_release (&bin->lock);
  if (number != SY_SLAB_NONE && !needed)
    {
      slab_disown (pool, number);
      sy_region_give (number, 1);
    }
  return taken;
}

unsigned
sy_pool_carve (struct sy_pool *pool, unsigned home, unsigned class, unsigned count, void **top,
               bool *zeroed)
{
  unsigned taken = carve_without_waiting (pool, home, class, count, top, zeroed);

  if (taken != 0)
    return taken;

  unsigned shard = sy_home_shard (home);
  struct sy_bin *bin = sy_pool_bin (pool, shard, class);
  bool had_blocks = AO_load (&bin->free_blocks) != 0;

  taken = carve_with_slab (pool, bin, had_blocks ? SY_SLAB_NONE : slab_start (pool, shard, class),
                           count, top, zeroed);
  if (taken != 0 || !had_blocks)
    return taken;

  /* Other threads took the bin's blocks while we waited for its lock. */
  uint32_t number = slab_start (pool, shard, class);

  return number == SY_SLAB_NONE ? 0 : carve_with_slab (pool, bin, number, count, top, zeroed);
}

/* The slab that a block goes back to.  Reports misuse if the block is in no slab of this class and
   pool. */
static uint32_t
slab_of (const struct sy_pool *pool, unsigned class, const void *block)
{
  if (SY_UNLIKELY (sy_pool_class_of (pool, block) != class))
    sy_bug ("free", block, "block freed twice");
  return sy_region_slab_of (block);
}

/* Puts back those blocks that are of the same shard as the last one.  Moves the others to the
   front of the array, and returns how many these are. */
static unsigned
put_one_shard (struct sy_pool *pool, unsigned home, unsigned class, void **blocks, unsigned count,
               struct sy_slab_chain *emptied)
{
  unsigned shard = sy_slab_at (slab_of (pool, class, blocks[count - 1]))->shard, others = 0;
  struct sy_bin *bin = sy_pool_bin (pool, shard, class);

  sy_timed_lock_take (&bin->lock);
  for (unsigned at = 0; at < count;)
    {
      uint32_t number = slab_of (pool, class, blocks[at]);
      bool is_empty;

      if (sy_slab_at (number)->shard != shard)
        {
          blocks[others++] = blocks[at++];
          continue;
        }
      at += sy_bin_put (bin, number, blocks + at, count - at, &is_empty);
      if (is_empty)
        sy_pool_slab_end (pool, number, emptied);
    }
  sy_timed_lock_release (&bin->lock);
  if (shard != sy_home_shard (home))
    sy_shared_add (&pool->cross_frees, count - others);
  return others;
}

void
sy_pool_put (struct sy_pool *pool, unsigned home, unsigned class, void **blocks, unsigned count)
{
  struct sy_slab_chain emptied = SY_SLAB_CHAIN_INIT;

  while (count != 0)
    count = put_one_shard (pool, home, class, blocks, count, &emptied);
  sy_pool_give_slabs (&emptied);
}

void
sy_pool_check (unsigned class, const void *block)
{
  uint32_t number = sy_region_slab_of (block);
  unsigned index = sy_bin_block (number, block, "free");
  struct sy_bin *bin = sy_pool_bin (sy_slab_at (number)->owner, sy_slab_at (number)->shard, class);

  sy_timed_lock_take (&bin->lock);

  bool is_free = (sy_slab_at (number)->bits.word[index / 64] >> index % 64 & 1) != 0;

  sy_timed_lock_release (&bin->lock);
  if (is_free)
    sy_bug ("sydra_free", block, "block freed twice");
}

void
sy_pool_lock (struct sy_pool *pool)
{
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      sy_timed_lock_take (&sy_pool_bin (pool, shard, class)->lock);
}

void
sy_pool_unlock (struct sy_pool *pool)
{
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      sy_timed_lock_release (&sy_pool_bin (pool, shard, class)->lock);
}

bool
sy_pool_is_valid (struct sy_pool *pool)
{
  bool valid = true;

  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      {
        struct sy_bin *bin = sy_pool_bin (pool, shard, class);

        sy_timed_lock_take (&bin->lock);
        valid = valid && sy_bin_is_valid (bin);
        sy_timed_lock_release (&bin->lock);
      }
  return valid;
}
