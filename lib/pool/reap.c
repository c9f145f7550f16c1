/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/reap.h"

#include "base/bug.h"
#include "base/os.h"

/* Drains one magazine of the depot into the slabs.  False: there is none. */
static bool
drain_one (struct sy_pool *pool, unsigned shard, unsigned class, struct sy_depot *depot)
{
  struct sy_magazine *magazine = sy_depot_pop (depot);

  if (magazine == NULL)
    return false;
  sy_pool_put (pool, shard, class, sy_magazine_end (magazine) - magazine->rounds, magazine->rounds);
  sy_magazine_give (magazine);
  return true;
}

/* Gives pages of a slab back to the system. */
static bool
discard (char *start, size_t bytes)
{
  sy_units_break_huge (sy_range_unit_of (start), sy_range_unit_of (start + bytes - 1));
  return sy_os_discard (start, bytes);
}

/* Gives a hole's pages back to the system.  Returns how many bytes. */
static size_t
discard_hole (const struct sy_hole *hole, unsigned class)
{
  const uint64_t *set = hole->bits.word;
  size_t page_bytes = sy_os_page_bytes (), pages = sy_class_slab_bytes (class) / page_bytes,
         bytes = 0;

  for (size_t page = 0, run; page < pages; page += run + 1)
    {
      for (run = 0;
           page + run < pages && sy_slab_page_is_in (class, set, page + run, page_bytes); run++)
        ;
      if (run != 0
          && discard (sy_slab_start (hole->slab) + page * page_bytes, run * page_bytes))
        bytes += run * page_bytes;
    }
  return bytes;
}

/* Purges up to SY_PURGE_SLABS of the next slabs of a walk.  Returns how many, and adds the bytes
   given back to *bytes. */
static unsigned
purge_some (struct sy_bin *bin, unsigned class, unsigned walk, bool *at_end,
            size_t *bytes)
{
  struct sy_hole hole[SY_PURGE_SLABS];
  struct sy_slab_chain emptied = SY_SLAB_CHAIN_INIT;
  unsigned found;

  sy_timed_lock_take (&bin->lock);
  found = sy_bin_take_holes (bin, walk, hole, SY_PURGE_SLABS, at_end);
  sy_timed_lock_release (&bin->lock);
  if (found == 0)
    return 0;
  for (unsigned at = 0; at < found; at++)
    *bytes += discard_hole (&hole[at], class);
  sy_timed_lock_take (&bin->lock);
  for (unsigned at = 0; at < found; at++)
    if (sy_bin_put_hole (bin, &hole[at]))
      sy_pool_slab_end (hole[at].slab, &emptied);
  sy_timed_lock_release (&bin->lock);
  sy_pool_give_slabs (&emptied);
  return found;
}

/* ---- Steps ---- */

static struct sy_bin *
bin_at (const struct sy_reaping *reaping, const struct sy_pool *pool, unsigned *shard,
        unsigned *class)
{
  *shard = reaping->bin / (SY_CLASSES - 1);
  *class = 1 + reaping->bin % (SY_CLASSES - 1);
  return sy_pool_bin (pool, *shard, *class);
}

static void
come_to_depot (struct sy_reaping *reaping, const struct sy_bin *bin, unsigned number)
{
  reaping->depot = number;
  reaping->magazines = number < SY_BIN_DEPOTS ? (unsigned) AO_load (&bin->depot[number].low) : 0;
}

/* Goes on to bin number `number`, or ends the reaping behind the last one. */
static void
come_to_bin (struct sy_pool *pool, unsigned number)
{
  struct sy_reaping *reaping = &pool->reaping;
  unsigned shard, class;

  reaping->bin = number;
  if (number == pool->shard_count * (SY_CLASSES - 1))
    {
      sy_purge_timer_end (&reaping->timer);
      return;
    }

  struct sy_bin *bin = bin_at (reaping, pool, &shard, &class);

  come_to_depot (reaping, bin, 0);
  sy_bin_look (bin);
  reaping->slabs = SY_PURGE_LEAST + (unsigned) AO_load (&bin->slabs) / SY_PURGE_SHARE;
}

/* Drains one magazine of the current depot, or goes on to the next depot if none is left to drain.
   True: it took a while. */
static bool
reap_depot (struct sy_pool *pool, unsigned shard, unsigned class, struct sy_bin *bin)
{
  struct sy_reaping *reaping = &pool->reaping;
  struct sy_stock *stock = &bin->depot[reaping->depot];

  if (reaping->magazines != 0 && drain_one (pool, shard, class, &stock->depot))
    {
      reaping->magazines--;
      return true;
    }
  sy_stock_look (stock);
  come_to_depot (reaping, bin, reaping->depot + 1);
  return false;
}

/* Purges a few slabs of the current bin, and goes on to the next bin if none are left.  True: it
   took a while. */
static bool
reap_slabs (struct sy_pool *pool, unsigned class, struct sy_bin *bin)
{
  struct sy_reaping *reaping = &pool->reaping;
  /* Relaxed: blocks that come later wait for the next reaping. */
  bool at_end = true, looks = reaping->slabs != 0 && AO_load (&bin->free_blocks) != 0;
  size_t bytes = 0;
  unsigned purged = looks ? purge_some (bin, class, SY_WALK_IDLE, &at_end, &bytes) : 0;

  reaping->slabs -= purged < reaping->slabs ? purged : reaping->slabs;
  if (at_end)
    come_to_bin (pool, reaping->bin + 1);
  return looks;
}

/* Does the next part of the reaping.  True: it took a while. */
static bool
reap_bins (struct sy_pool *pool)
{
  struct sy_reaping *reaping = &pool->reaping;
  unsigned shard, class;
  struct sy_bin *bin = bin_at (reaping, pool, &shard, &class);

  return reaping->depot < SY_BIN_DEPOTS ? reap_depot (pool, shard, class, bin)
                                        : reap_slabs (pool, class, bin);
}

static void
step (struct sy_pool *pool, uint64_t now_ns)
{
  struct sy_purge_timer *timer = &pool->reaping.timer;
  bool begins = !sy_purge_timer_is_under_way (timer);
  uint64_t until_ns = sy_purge_timer_step (timer, now_ns);

  if (begins)
    {
      sy_magazine_look ();
      if (AO_load (&pool->used_up) != 0)
        AO_store (&pool->used_up, 0);
      come_to_bin (pool, 0);
    }
  for (unsigned bits = 0; sy_purge_timer_is_under_way (timer); bits++)
    if ((reap_bins (pool) || bits % SY_REAP_LOOKS == 0) && sy_os_now_ns () >= until_ns)
      break;
}

void
sy_reap_step (struct sy_pool *pool, uint64_t now_ns)
{
  /* acquire: pairs with the release below, and shows the state as the last step left it. */
  if (!sy_reap_is_due (pool, now_ns) || !AO_compare_and_swap_acquire (&pool->reaping.busy, 0, 1))
    return;
  if (sy_reap_is_due (pool, now_ns))
    step (pool, now_ns);
  AO_store_release (&pool->reaping.busy, 0);
}

void
sy_reap_after_fork (struct sy_pool *pool)
{
  if (AO_load (&pool->reaping.busy) == 0)
    return;
  /* It is not known how far the parent's thread had come, so the reaping ends. */
  sy_purge_timer_end (&pool->reaping.timer);
  AO_store (&pool->reaping.busy, 0);
}

/* Drains the magazines that lay in the depot since the last look.  False: the time is up, and
   the rest waits for the next growth. */
static bool
shed_depot (struct sy_pool *pool, unsigned shard, unsigned class, unsigned number,
            uint64_t until_ns)
{
  struct sy_stock *stock = &sy_pool_bin (pool, shard, class)->depot[number];

  for (AO_t idle = AO_load (&stock->low);
       idle != 0 && drain_one (pool, shard, class, &stock->depot); idle--)
    if (sy_os_now_ns () >= until_ns)
      {
        AO_store (&stock->low, idle - 1);
        return false;
      }
  sy_stock_look (stock);
  return true;
}

void
sy_reap_shed (struct sy_pool *pool, unsigned shard, AO_t growths)
{
  AO_t *seen = &pool->shards[shard].last_growths, before = AO_load (seen);

  /* Relaxed: the depots and locks order the blocks themselves. */
  if (before == growths || !AO_compare_and_swap (seen, before, growths))
    return;

  uint64_t until_ns = sy_os_now_ns () + SY_SHED_NS;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned depot = 0; depot < SY_BIN_DEPOTS; depot++)
      if (!shed_depot (pool, shard, class, depot, until_ns))
        return;
}

/* ---- All at once ---- */

size_t
sy_reap_purge (struct sy_pool *pool)
{
  size_t bytes = 0;

  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      {
        struct sy_bin *bin = sy_pool_bin (pool, shard, class);

        sy_timed_lock_take (&bin->lock);
        sy_bin_walk_begin (bin, SY_WALK_ALL);
        sy_timed_lock_release (&bin->lock);
        for (bool at_end = false; !at_end;)
          (void) purge_some (bin, class, SY_WALK_ALL, &at_end, &bytes);
      }
  return bytes;
}

void
sy_reap_drain (struct sy_pool *pool)
{
  for (unsigned shard = 0; shard < pool->shard_count; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      for (unsigned depot = 0; depot < SY_BIN_DEPOTS; depot++)
        while (drain_one (pool, shard, class,
                          &sy_pool_bin (pool, shard, class)->depot[depot].depot))
          ;
  if (SY_DEBUG && !sy_pool_is_valid (pool))
    sy_bug ("sydra_collect", pool, "the invariants of a bin are broken");
}
