/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "shard.h"

#include "bug.h"
#include "os.h"

/* ---- A bin's slabs, all under its lock. ---- */

static uint8_t
fullness (const struct sy_slab *slab)
{
  return (uint8_t) (slab->free_count * SY_BIN_LISTS / (sy_size_classes[slab->class].blocks + 1));
}

static bool
slab_is_empty (const struct sy_slab *slab)
{
  return slab->free_count == sy_size_classes[slab->class].blocks;
}

static void
list_insert (struct sy_bin *bin, uint32_t number, uint8_t list)
{
  struct sy_slab *slab = &sy_region.slabs[number];

  slab->list = list;
  slab->prev = SY_SLAB_NONE;
  slab->next = bin->list[list];
  if (slab->next != SY_SLAB_NONE)
    sy_region.slabs[slab->next].prev = number;
  bin->list[list] = number;
}

static void
list_remove (struct sy_bin *bin, uint32_t number)
{
  struct sy_slab *slab = &sy_region.slabs[number];

  if (slab->prev != SY_SLAB_NONE)
    sy_region.slabs[slab->prev].next = slab->next;
  else
    bin->list[slab->list] = slab->next;
  if (slab->next != SY_SLAB_NONE)
    sy_region.slabs[slab->next].prev = slab->prev;
}

static void
slab_join (struct sy_bin *bin, uint32_t number)
{
  struct sy_slab *slab = &sy_region.slabs[number];

  list_insert (bin, number, fullness (slab));
  sy_own_add (&bin->slabs, 1);
  sy_own_add (&bin->free_blocks, slab->free_count);
}

/* Says in the map of every unit of the slab whose it is.  Relaxed: who frees a block got it from who carved it, and that hand-over orders the
   bytes too. */
static void
slab_map (struct sy_pool *pool, uint32_t number, unsigned class, unsigned char entry)
{
  for (uint32_t unit = 0; unit < sy_size_classes[class].units; unit++)
    AO_char_store (&pool->map[number + unit], entry);
}

/* The slab is nobody's from here on. */
static void
slab_disown (struct sy_pool *pool, uint32_t number)
{
  slab_map (pool, number, sy_region.slabs[number].class, 0);
  sy_region.slabs[number].owner = NULL;
}

static void
slab_leave (struct sy_pool *pool, struct sy_bin *bin, uint32_t number)
{
  struct sy_slab *slab = &sy_region.slabs[number];

  list_remove (bin, number);
  sy_own_add (&bin->slabs, (AO_t) -1);
  sy_own_add (&bin->free_blocks, (AO_t) 0 - slab->free_count);
  slab_disown (pool, number);
}

/* A fresh slab made ready for the bin; the caller inserts it.  Outside locks. */
static uint32_t
slab_start (struct sy_pool *pool, unsigned home, unsigned class)
{
  uint32_t number = sy_region_take (class);

  if (number == SY_SLAB_NONE)
    return number;

  struct sy_slab *slab = &sy_region.slabs[number];

  slab->class = (uint8_t) class;
  slab->shard = (uint16_t) home;
  slab->owner = pool;
  sy_slab_fill (slab, &sy_region.bits[number]);
  slab_map (pool, number, class, (unsigned char) class);
  return number;
}

/* Carves from the bin's slabs, the fullest first. */
static unsigned
carve_locked (struct sy_bin *bin, unsigned count, void **top, bool *zeroed)
{
  unsigned taken = 0;

  for (uint8_t list = 0; list < SY_BIN_LISTS && taken < count;)
    {
      uint32_t number = bin->list[list];

      if (number == SY_SLAB_NONE)
        {
          list++;
          continue;
        }

      struct sy_slab *slab = &sy_region.slabs[number];

      taken += sy_slab_take (slab, &sy_region.bits[number], sy_region_address (number), count - taken, top - taken, zeroed);
      if (slab->free_count == 0)
        list_remove (bin, number);
      else if (fullness (slab) != slab->list)
        {
          list_remove (bin, number);
          list_insert (bin, number, fullness (slab));
        }
    }
  sy_own_add (&bin->free_blocks, (AO_t) 0 - taken);
  return taken;
}

/* Which block of its slab a pointer is; misuse where it is none. */
static unsigned
block_index (uint32_t number, const void *block)
{
  const struct sy_size_class *class = &sy_size_classes[sy_region.slabs[number].class];
  size_t offset = (uintptr_t) block - (uintptr_t) sy_region_address (number);
  unsigned index = sy_class_block (class, offset);

  if (SY_UNLIKELY (index * (size_t) class->bytes != offset || index >= class->blocks))
    sy_bug ("free", block, "points into the middle of a block");
  return index;
}

/* Puts one block back.  True: its slab is empty now and has left the bin. */
static bool
put_locked (struct sy_pool *pool, struct sy_bin *bin, uint32_t number, void *block)
{
  struct sy_slab *slab = &sy_region.slabs[number];

  if (SY_UNLIKELY (!sy_slab_put (slab, &sy_region.bits[number], block_index (number, block))))
    sy_bug ("free", block, "block freed twice");
  sy_own_add (&bin->free_blocks, 1);
  if (slab->free_count == 1)
    list_insert (bin, number, fullness (slab));
  if (slab_is_empty (slab))
    {
      slab_leave (pool, bin, number);
      return true;
    }
  if (fullness (slab) != slab->list)
    {
      list_remove (bin, number);
      list_insert (bin, number, fullness (slab));
    }
  return false;
}

/* ---- The pool ---- */

static struct sy_bin *
bin_of (const struct sy_pool *pool, unsigned shard, unsigned class)
{
  return &pool->shards[shard].bin[class];
}

/* The shards in the order that a thread at home looks at them. */
static unsigned
neighbour (const struct sy_pool *pool, unsigned home, unsigned step)
{
  unsigned shard = home + step;

  return shard < pool->shard_count ? shard : shard - pool->shard_count;
}

static unsigned
neighbours (const struct sy_pool *pool)
{
  return pool->shard_count < SY_NEIGHBOURS_MAX ? pool->shard_count : SY_NEIGHBOURS_MAX;
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
sy_pool_open (struct sy_pool *pool, unsigned shards)
{
  pool->direct = shards == 0;
  pool->shard_count = shards == 0 ? 1 : shards;
  if (!sy_region_open ())
    return false;
  pool->shards = sy_os_map (shards_bytes (pool));
  if (pool->shards == NULL)
    return false;
  pool->map = sy_os_map (whole_pages (sy_region_unit_count ()));
  if (pool->map == NULL)
    {
      sy_os_unmap (pool->shards, shards_bytes (pool));
      return false;
    }
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      {
        struct sy_bin *bin = bin_of (pool, shard, class);

        sy_timed_lock_init (&bin->lock, SY_RANK_BIN);
        for (unsigned list = 0; list < SY_BIN_LISTS; list++)
          bin->list[list] = SY_SLAB_NONE;
      }
  return true;
}

void
sy_pool_close (struct sy_pool *pool)
{
  uint32_t chain = SY_SLAB_NONE;
  unsigned count = 0;

  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      for (struct sy_magazine *full; (full = sy_depot_pop (&bin_of (pool, shard, class)->depot)) != NULL;)
        sy_magazine_give (full);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      uint32_t first, used = sy_region_used (class, &first);

      for (uint32_t number = first; number < first + used; number += sy_size_classes[class].units)
        if (pool->map[number] != 0)
          {
            sy_region.slabs[number].owner = NULL;
            sy_region.slabs[number].next = chain;
            chain = number;
            count++;
          }
    }
  sy_region_give (chain, count);
  sy_os_unmap (pool->map, whole_pages (sy_region_unit_count ()));
  sy_os_unmap (pool->shards, shards_bytes (pool));
}

struct sy_magazine *
sy_pool_load (struct sy_pool *pool, unsigned home, unsigned class)
{
  for (unsigned step = 0; step < neighbours (pool); step++)
    {
      unsigned shard = neighbour (pool, home, step);
      struct sy_bin *bin = bin_of (pool, shard, class);
      struct sy_magazine *magazine = sy_depot_pop (&bin->depot);

      if (magazine == NULL)
        continue;
      /* Relaxed: a hint for the reaper. */
      if (magazine->depth - 1 < AO_load (&bin->depot_low))
        AO_store (&bin->depot_low, magazine->depth - 1);
      if (shard != home)
        sy_shared_add (&pool->cross_frees, magazine->rounds);
      return magazine;
    }
  return NULL;
}

bool
sy_pool_store (struct sy_pool *pool, unsigned home, unsigned class, struct sy_magazine *magazine)
{
  struct sy_bin *bin = bin_of (pool, home, class);

  if (sy_depot_depth (&bin->depot) >= sy_size_classes[class].depot_depth)
    return false;
  sy_depot_push (&bin->depot, magazine);
  return true;
}

/* Carves from any bin that has blocks and a free lock.  0: none had both. */
static unsigned
carve_without_waiting (struct sy_pool *pool, unsigned home, unsigned class, unsigned count, void **top, bool *zeroed)
{
  for (unsigned step = 0; step < neighbours (pool); step++)
    {
      struct sy_bin *bin = bin_of (pool, neighbour (pool, home, step), class);

      /* Relaxed: a look before the lock is tried; carve_locked looks again. */
      if (AO_load (&bin->free_blocks) == 0 || !sy_timed_lock_try (&bin->lock))
        continue;

      unsigned taken = carve_locked (bin, count, top, zeroed);

      sy_timed_lock_release (&bin->lock);
      if (taken != 0)
        return taken;
    }
  return 0;
}

/* Carves from the bin, with a slab that the caller started (or SY_SLAB_NONE); it goes back if blocks came meanwhile. */
static unsigned
carve_with_slab (struct sy_pool *pool, struct sy_bin *bin, uint32_t number, unsigned count, void **top, bool *zeroed)
{
  sy_timed_lock_take (&bin->lock);

  bool needed = number != SY_SLAB_NONE && AO_load (&bin->free_blocks) == 0;

  if (needed)
    slab_join (bin, number);

  unsigned taken = carve_locked (bin, count, top, zeroed);

  sy_timed_lock_release (&bin->lock);
  if (number != SY_SLAB_NONE && !needed)
    {
      slab_disown (pool, number);
      sy_region_give (number, 1);
    }
  return taken;
}

unsigned
sy_pool_carve (struct sy_pool *pool, unsigned home, unsigned class, unsigned count, void **top, bool *zeroed)
{
  unsigned taken = carve_without_waiting (pool, home, class, count, top, zeroed);

  if (taken != 0)
    return taken;

  struct sy_bin *bin = bin_of (pool, home, class);
  bool had_blocks = AO_load (&bin->free_blocks) != 0;

  taken = carve_with_slab (pool, bin, had_blocks ? SY_SLAB_NONE : slab_start (pool, home, class), count, top, zeroed);
  if (taken != 0 || !had_blocks)
    return taken;

  /* The blocks that the bin had went to somebody else while we waited. */
  uint32_t number = slab_start (pool, home, class);

  return number == SY_SLAB_NONE ? 0 : carve_with_slab (pool, bin, number, count, top, zeroed);
}

/* The slab of a block that is on its way home; misuse where there is none of this class and pool. */
static uint32_t
slab_of (const struct sy_pool *pool, unsigned class, const void *block)
{
  if (SY_UNLIKELY (sy_pool_class_of (pool, block) != class))
    sy_bug ("free", block, "block freed twice");
  return sy_region_slab_of (block);
}

/* Puts back the blocks of the last one's shard, moves the others to the front; returns how many those are. */
static unsigned
put_one_shard (struct sy_pool *pool, unsigned home, unsigned class, void **blocks, unsigned count, uint32_t *emptied, unsigned *emptied_count)
{
  unsigned shard = sy_region.slabs[slab_of (pool, class, blocks[count - 1])].shard, others = 0;
  struct sy_bin *bin = bin_of (pool, shard, class);

  sy_timed_lock_take (&bin->lock);
  for (unsigned at = 0; at < count; at++)
    {
      uint32_t number = slab_of (pool, class, blocks[at]);

      if (sy_region.slabs[number].shard != shard)
        blocks[others++] = blocks[at];
      else if (put_locked (pool, bin, number, blocks[at]))
        {
          sy_region.slabs[number].next = *emptied;
          *emptied = number;
          ++*emptied_count;
        }
    }
  sy_timed_lock_release (&bin->lock);
  if (shard != home)
    sy_shared_add (&pool->cross_frees, count - others);
  return others;
}

void
sy_pool_put (struct sy_pool *pool, unsigned home, unsigned class, void **blocks, unsigned count)
{
  uint32_t emptied = SY_SLAB_NONE;
  unsigned emptied_count = 0;

  while (count != 0)
    count = put_one_shard (pool, home, class, blocks, count, &emptied, &emptied_count);
  if (emptied_count != 0)
    sy_region_give (emptied, emptied_count);
}

/* Empties up to count magazines of one depot into the slabs. */
static void
drain_depot (struct sy_pool *pool, unsigned shard, unsigned class, unsigned count)
{
  while (count-- != 0)
    {
      struct sy_magazine *magazine = sy_depot_pop (&bin_of (pool, shard, class)->depot);

      if (magazine == NULL)
        return;
      sy_pool_put (pool, shard, class, sy_magazine_end (magazine) - magazine->rounds, magazine->rounds);
      sy_magazine_give (magazine);
    }
}

void
sy_pool_check (unsigned class, const void *block)
{
  uint32_t number = sy_region_slab_of (block);
  unsigned index = block_index (number, block);
  struct sy_bin *bin = bin_of (sy_region.slabs[number].owner, sy_region.slabs[number].shard, class);

  sy_timed_lock_take (&bin->lock);

  bool is_free = (sy_region.bits[number].word[index / 64] >> index % 64 & 1) != 0;

  sy_timed_lock_release (&bin->lock);
  if (is_free)
    sy_bug ("sydra_free", block, "block freed twice");
}

void
sy_pool_reap (struct sy_pool *pool, uint64_t now_ns)
{
  AO_t now = (AO_t) (now_ns >> 20), last = AO_load (&pool->reaped_ns);

  /* One thread wins the turn; relaxed: what it reaps is ordered by the depots and locks themselves. */
  if (now - last < (AO_t) (SY_REAP_NS >> 20) || !AO_compare_and_swap (&pool->reaped_ns, last, now))
    return;
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      {
        struct sy_bin *bin = bin_of (pool, shard, class);

        drain_depot (pool, shard, class, (unsigned) AO_load (&bin->depot_low));
        AO_store (&bin->depot_low, sy_depot_depth (&bin->depot));
      }
}

void
sy_pool_drain (struct sy_pool *pool)
{
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      drain_depot (pool, shard, class, UINT32_MAX);
  if (SY_DEBUG && !sy_pool_is_valid (pool))
    sy_bug ("sydra_collect", pool, "the invariants of a bin are broken");
}

void
sy_pool_lock (struct sy_pool *pool)
{
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      sy_timed_lock_take (&bin_of (pool, shard, class)->lock);
}

void
sy_pool_unlock (struct sy_pool *pool)
{
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      sy_timed_lock_release (&bin_of (pool, shard, class)->lock);
}

static bool
bin_is_valid (struct sy_bin *bin)
{
  size_t free_blocks = 0;

  for (uint8_t list = 0; list < SY_BIN_LISTS; list++)
    for (uint32_t number = bin->list[list]; number != SY_SLAB_NONE; number = sy_region.slabs[number].next)
      {
        const struct sy_slab *slab = &sy_region.slabs[number];

        if (slab->list != list || fullness (slab) != list || slab->free_count == 0 || slab_is_empty (slab)
            || !sy_slab_is_valid (slab, &sy_region.bits[number]))
          return false;
        free_blocks += slab->free_count;
      }
  return free_blocks == AO_load (&bin->free_blocks);
}

bool
sy_pool_is_valid (struct sy_pool *pool)
{
  bool valid = true;

  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      {
        struct sy_bin *bin = bin_of (pool, shard, class);

        sy_timed_lock_take (&bin->lock);
        valid = valid && bin_is_valid (bin);
        sy_timed_lock_release (&bin->lock);
      }
  return valid;
}
