/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/pool.h"

#include "base/bug.h"
#include "base/os.h"

/* ---- A slab's start and end ---- */

/* Makes the run a slab's. */
static void
claim (const struct sy_pool *pool, struct sy_slab *slab, uint32_t unit)
{
  uint32_t units = sy_size_classes[slab->class].units;

  slab->unit = unit;
  for (uint32_t at = unit; at < unit + units; at++)
    sy_range_unit (at)->slab = slab;
  sy_range_mark (unit, units, pool->tag ^ slab->class);
}

/* Takes a slab from the range and makes it ready for the bin; the caller lets it join.  The caller
   holds no lock.  NULL: none to be had. */
static struct sy_slab *
slab_start (struct sy_pool *pool, unsigned shard, unsigned class)
{
  struct sy_slab *slab = sy_slab_new (class);
  bool zero;
  uint32_t unit = slab == NULL ? SY_UNIT_NONE
                               : sy_units_take (sy_size_classes[class].units, SY_MEMORY_ALL, &zero);

  if (slab == NULL)
    return NULL;
  if (unit == SY_UNIT_NONE)
    {
      sy_slab_delete (slab);
      return NULL;
    }
  slab->shard = (uint16_t) shard;
  slab->owner = pool;
  slab->touched = (uint16_t) (zero ? 0 : sy_size_classes[class].blocks);
  sy_slab_fill (slab);
  claim (pool, slab, unit);
  return slab;
}

void
sy_pool_slab_end (struct sy_slab *slab, struct sy_slab_chain *chain)
{
  sy_range_mark (slab->unit, sy_size_classes[slab->class].units, 0);
  slab->owner = NULL;
  sy_range_unit (slab->unit)->next = chain->first;
  chain->first = slab->unit;
  chain->count++;
}

void
sy_pool_give_slabs (const struct sy_slab_chain *chain)
{
  uint32_t unit = chain->first;

  for (unsigned at = 0; at < chain->count; at++)
    {
      struct sy_unit *entry = sy_range_unit (unit);

      sy_slab_delete (entry->slab);
      unit = entry->next;
    }
  if (chain->count != 0)
    sy_units_give (chain->first, chain->count);
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

/* Pops a spare magazine from one of `depots` depots of the bin, beginning with number `first`. */
static struct sy_magazine *
pop_any_spare (struct sy_bin *bin, unsigned first, unsigned depots)
{
  struct sy_magazine *magazine = NULL;

  for (unsigned step = 0; step < depots && magazine == NULL; step++)
    magazine = sy_stock_pop_spare (&bin->depot[(first + step) % SY_BIN_DEPOTS]);
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

bool
sy_pool_open (struct sy_pool *pool, unsigned shards, unsigned tag)
{
  pool->direct = shards == 0;
  pool->shard_count = shards == 0 ? 1 : shards;
  pool->tag = tag;
  pool->shards = sy_range_open () ? sy_os_map (shards_bytes (pool)) : NULL;
  if (pool->shards == NULL)
    return false;
  for (unsigned shard = 0; SY_DEBUG && shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      sy_lock_set_rank (&sy_pool_bin (pool, shard, class)->lock.lock, SY_RANK_BIN);
  sy_purge_timer_start (&pool->reaping.timer, sy_os_coarse_ns ());
  return true;
}

static void
end_slab (void *chain, uint32_t unit, unsigned kind)
{
  if (kind < SY_CLASSES)
    sy_pool_slab_end (sy_range_unit (unit)->slab, chain);
}

void
sy_pool_close (struct sy_pool *pool)
{
  struct sy_slab_chain chain = SY_SLAB_CHAIN_INIT;

  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      for (unsigned depot = 0; depot < SY_BIN_DEPOTS; depot++)
        for (struct sy_magazine *full;
             (full = sy_depot_pop (&sy_pool_bin (pool, shard, class)->depot[depot].depot))
             != NULL;)
          sy_magazine_give (full);
  sy_range_each (pool->tag, end_slab, &chain);
  sy_pool_give_slabs (&chain);
  sy_os_unmap (pool->shards, shards_bytes (pool));
}

struct sy_magazine *
sy_pool_take_magazine (struct sy_pool *pool, unsigned home, unsigned class)
{
  struct sy_bin *bin = sy_pool_bin (pool, sy_home_shard (home), class);
  struct sy_magazine *magazine = sy_stock_pop (&bin->depot[sy_home_depot (home)]);

  return magazine != NULL ? magazine : sy_stock_pop (&bin->depot[SY_INBOX]);
}

struct sy_magazine *
sy_pool_take_spare (struct sy_pool *pool, unsigned home, unsigned class)
{
  unsigned depot = sy_home_depot (home);
  struct sy_magazine *magazine
    = pop_any_spare (sy_pool_bin (pool, sy_home_shard (home), class), depot + 1, SY_BIN_DEPOTS - 1);

  for (unsigned step = 1; step < neighbours (pool) && magazine == NULL; step++)
    {
      magazine = pop_any_spare (sy_pool_bin (pool, neighbour (pool, home, step), class), depot,
                                SY_BIN_DEPOTS);
      if (magazine != NULL)
        sy_shared_add (&pool->cross_frees, magazine->rounds);
    }
  return magazine;
}

void
sy_pool_thread_ended (struct sy_pool *pool, unsigned home, unsigned class)
{
  struct sy_bin *bin = sy_pool_bin (pool, sy_home_shard (home), class);

  sy_stock_thread_ended (&bin->depot[sy_home_depot (home)]);
  sy_stock_thread_ended (&bin->depot[SY_INBOX]);
  sy_bin_look (bin);
}

/* The slab that a block goes back to.  Reports misuse if the block is in no slab of this class and
   pool. */
static inline struct sy_slab *
slab_of (const struct sy_pool *pool, unsigned class, const void *block)
{
  if (SY_UNLIKELY (sy_pool_class_of (pool, block) != class))
    sy_bug ("free", block, "block freed twice");
  return sy_slab_of (block);
}

/* Pushes the magazine on a depot of the shard.  False: that is full. */
static bool
push (struct sy_pool *pool, unsigned shard, unsigned number, unsigned class,
      struct sy_magazine *magazine)
{
  struct sy_depot *depot = &sy_pool_bin (pool, shard, class)->depot[number].depot;

  if (sy_depot_depth (depot) >= sy_size_classes[class].depot_depth)
    return false;
  sy_depot_push (depot, magazine);
  return true;
}

/* Were the magazine's blocks freed here and there, as far as the last ones tell? */
static bool
is_scattered (struct sy_magazine *magazine)
{
  void *const *end = sy_magazine_end (magazine);
  unsigned near = 0;

  if (magazine->rounds <= SY_ORDER_LOOKS)
    return false;
  for (unsigned at = 1; at <= SY_ORDER_LOOKS; at++)
    {
      uintptr_t last = (uintptr_t) end[-(int) at], before = (uintptr_t) end[-1 - (int) at];

      near += (last > before ? last - before : before - last) < SY_ORDER_NEAR;
    }
  return near < SY_ORDER_LOOKS / 2;
}

/*
 * Shall the magazine's blocks go to their slabs, which give them out in order, although the depot
 * at home has room?  Not if they are another shard's, as far as the last one tells, nor if another
 * thread has the bin's lock: the order is not worth a wait.
 */
static bool
wants_order (const struct sy_pool *pool, unsigned home, unsigned class,
             struct sy_magazine *magazine)
{
  const struct sy_size_class *row = &sy_size_classes[class];
  struct sy_bin *bin = sy_pool_bin (pool, sy_home_shard (home), class);

  if (row->bytes > SY_TINY_MAX || sy_range_bytes () < SY_ORDER_RANGE_BYTES
      || sy_depot_depth (&bin->depot[sy_home_depot (home)].depot)
           < SY_ORDER_BYTES / (row->bytes * row->capacity)
      || !is_scattered (magazine)
      || slab_of (pool, class, sy_magazine_end (magazine)[-1])->shard != sy_home_shard (home)
      || !sy_timed_lock_try (&bin->lock))
    return false;
  sy_timed_lock_release (&bin->lock);
  return true;
}

bool
sy_pool_give_magazine (struct sy_pool *pool, unsigned home, unsigned class,
                       struct sy_magazine *magazine)
{
  unsigned rounds = magazine->rounds, shard;

  if (wants_order (pool, home, class, magazine))
    return false;
  if (push (pool, sy_home_shard (home), sy_home_depot (home), class, magazine))
    return true;
  shard = slab_of (pool, class, sy_magazine_end (magazine)[-1])->shard;
  if (shard == sy_home_shard (home) || !push (pool, shard, SY_INBOX, class, magazine))
    return false;
  sy_shared_add (&pool->cross_frees, rounds);
  return true;
}

/* Carves from a bin that has blocks, or blocks to spare, if its lock is free.  False: it is not. */
static bool
carve_if_free (struct sy_bin *bin, bool spare_only, unsigned count, void **top, bool *zeroed,
               unsigned *taken)
{
  *taken = 0;
  /* Relaxed: only to skip a bin that looks empty; it is looked at again under the lock. */
  if (AO_load (spare_only ? &bin->free_low : &bin->free_blocks) == 0)
    return true;
  if (!sy_timed_lock_try (&bin->lock))
    return false;
  *taken = spare_only ? sy_bin_carve_spare (bin, count, top, zeroed)
                      : sy_bin_carve (bin, count, top, zeroed);
  sy_timed_lock_release (&bin->lock);
  return true;
}

/*
 * Carves without waiting for a lock: from the bin at home, else from a neighbour's what that can
 * spare.  `all`, or a busy lock at home: what it has.  0: there was none.
 */
static unsigned
carve_without_waiting (struct sy_pool *pool, unsigned home, unsigned class, bool all,
                       unsigned count, void **top, bool *zeroed)
{
  struct sy_bin *bin = sy_pool_bin (pool, sy_home_shard (home), class);
  unsigned taken;

  if (!carve_if_free (bin, false, count, top, zeroed, &taken))
    all = true;
  for (unsigned step = 1; step < neighbours (pool) && taken == 0; step++)
    (void) carve_if_free (sy_pool_bin (pool, neighbour (pool, home, step), class), !all, count,
                          top, zeroed, &taken);
  return taken;
}

/* Carves from the bin.  If the bin has no blocks, the slab that the caller started joins it
   first; if it has, this slab goes back.  slab may be NULL: there is none. */
static unsigned
carve_with_slab (struct sy_bin *bin, struct sy_slab *slab, unsigned count, void **top, bool *zeroed)
{
  struct sy_slab_chain chain = SY_SLAB_CHAIN_INIT;

  sy_timed_lock_take (&bin->lock);

  bool needed = slab != NULL && AO_load (&bin->free_blocks) == 0;

  if (needed)
    sy_bin_join (bin, slab);

  unsigned taken = sy_bin_carve (bin, count, top, zeroed);

  sy_timed_lock_release (&bin->lock);
  if (slab != NULL && !needed)
    {
      sy_pool_slab_end (slab, &chain);
      sy_pool_give_slabs (&chain);
    }
  return taken;
}

/* Carves from the bin at home, with a fresh slab if it has no blocks. */
static unsigned
carve_at_home (struct sy_pool *pool, unsigned home, unsigned class, unsigned count, void **top,
               bool *zeroed)
{
  unsigned shard = sy_home_shard (home);
  struct sy_bin *bin = sy_pool_bin (pool, shard, class);
  bool had_blocks = AO_load (&bin->free_blocks) != 0;
  unsigned taken = carve_with_slab (bin, had_blocks ? NULL : slab_start (pool, shard, class),
                                    count, top, zeroed);

  if (taken != 0 || !had_blocks)
    return taken;

  /* Other threads took the bin's blocks while we waited for its lock. */
  struct sy_slab *slab = slab_start (pool, shard, class);

  return slab == NULL ? 0 : carve_with_slab (bin, slab, count, top, zeroed);
}

unsigned
sy_pool_carve (struct sy_pool *pool, unsigned home, unsigned class, unsigned count, void **top,
               bool *zeroed)
{
  /* Relaxed, here and below: a hint. */
  bool all = AO_load (&pool->used_up) != 0;
  unsigned taken = carve_without_waiting (pool, home, class, all, count, top, zeroed);

  if (taken == 0)
    taken = carve_at_home (pool, home, class, count, top, zeroed);
  if (taken != 0 || all)
    return taken;
  AO_store (&pool->used_up, 1);
  return carve_without_waiting (pool, home, class, true, count, top, zeroed);
}

/* Marks the block free in its slab, which is of the class. */
static void
put_one (struct sy_slab *slab, const struct sy_size_class *class, void *block)
{
  unsigned index;

  if (SY_UNLIKELY (!sy_slab_finds (slab, class, block, &index)))
    sy_bug ("free", block, "points into the middle of a block");
  if (SY_UNLIKELY (!sy_slab_put (slab, index)))
    sy_bug ("free", block, "block freed twice");
}

/*
 * Puts back those blocks that are of the same shard as the last one.  Moves the others to the
 * front of the array, and returns how many these are.  Blocks that are scattered over many slabs
 * cost little more than their bits: a slab is filed anew only when it is to change lists.
 */
static unsigned
put_one_shard (struct sy_pool *pool, unsigned home, unsigned class, void **blocks, unsigned count,
               struct sy_slab_chain *emptied)
{
  unsigned shard = slab_of (pool, class, blocks[count - 1])->shard, others = 0, counted = 0;
  struct sy_bin *bin = sy_pool_bin (pool, shard, class);

  sy_timed_lock_take (&bin->lock);
  for (unsigned at = 0; at < count; at++)
    {
      struct sy_slab *slab = slab_of (pool, class, blocks[at]);

      if (slab->shard != shard)
        {
          blocks[others++] = blocks[at];
          continue;
        }
      put_one (slab, &sy_size_classes[class], blocks[at]);
      if (SY_LIKELY (slab->free_count < slab->file_at))
        continue;
      sy_own_add (&bin->free_blocks, at + 1 - others - counted);
      counted = at + 1 - others;
      if (sy_bin_file (bin, slab))
        sy_pool_slab_end (slab, emptied);
    }
  sy_own_add (&bin->free_blocks, count - others - counted);
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
  struct sy_slab *slab = sy_slab_of (block);
  unsigned index = sy_bin_block (slab, block, "free");
  struct sy_bin *bin = sy_pool_bin (slab->owner, slab->shard, class);

  sy_timed_lock_take (&bin->lock);

  bool is_free = (slab->word[index / 64] >> index % 64 & 1) != 0;

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
