/* SPDX-License-Identifier: MIT */
/*
 * pool.h: a pool: shards that own slabs, and depots of full magazines for each class of each shard.
 *
 * Any thread may use any shard's bins; its home is only where it looks first.  A busy lock is not waited for while another bin of the class
 * has blocks to give.
 */
#ifndef SY_POOL_H
#define SY_POOL_H

#include "base/pace.h"
#include "pool/bin.h"

struct sy_shard {
  struct sy_bin bin[SY_CLASSES];
  AO_t last_growths;         /* sy_region.growths when its depots last shed; by compare-and-swap */
};

/* A thread's home, in one number: a shard, and one of the depots of each of its bins. */
static inline unsigned
sy_home (unsigned shard, unsigned depot)
{
  return shard + depot * SY_SHARDS_MAX;
}

static inline unsigned
sy_home_shard (unsigned home)
{
  return home % SY_SHARDS_MAX;
}

static inline unsigned
sy_home_depot (unsigned home)
{
  return home / SY_SHARDS_MAX;
}

/* How far the walk has come that gives back what lay unused (reap.h). */
struct sy_reaping {
  AO_t busy;                 /* 1: a thread does a step; taken by compare-and-swap */
  struct sy_pace pace;       /* written by who does a step, as the following */
  unsigned bin, depot;       /* the ones that are next: bins are counted over all shards */
  unsigned magazines, slabs; /* what may yet be taken of them */
};

/* The shift that such a map's address has in its low bits. */
static inline unsigned
sy_map_shift (const unsigned char *map)
{
  return (unsigned) ((uintptr_t) map & (SY_WORD_BITS - 1));
}

struct sy_pool {
  /*
   * A byte a unit of the range: the class of its slab, if that is this pool's, else 0.  It begins sy_region.zone_shift bytes into a page: the low
   * bits of its address are the shift from a unit's number to a class, which a free then need not load.
   */
  unsigned char *map;
  struct sy_shard *shards;
  unsigned shard_count;    /* 0: no pool is open */
  bool direct;             /* no magazines: every request goes to a slab under its bin's lock */
  AO_t next_home;          /* threads are dealt to the shards, and to their depots, in turn */
  AO_t cross_frees;
  struct sy_reaping reaping;
};

static inline struct sy_bin *
sy_pool_bin (const struct sy_pool *pool, unsigned shard, unsigned class)
{
  return &pool->shards[shard].bin[class];
}

/* shards 0: one, and direct.  False: no memory, nothing kept. */
bool sy_pool_open (struct sy_pool *pool, unsigned shards);

/* Takes back every slab, whatever is still live in it.  No thread is in the pool. */
void sy_pool_close (struct sy_pool *pool);

/* The next thread's home. */
static inline unsigned
sy_pool_home (struct sy_pool *pool)
{
  unsigned number = (unsigned) AO_fetch_and_add (&pool->next_home, 1);

  return sy_home (number % pool->shard_count, number / pool->shard_count % SY_DEPOTS);
}

/* The pool's class of the block's slab; 0: the pointer is in no live slab of this pool. */
static inline unsigned
sy_pool_class_of (const struct sy_pool *pool, const void *pointer)
{
  /* Relaxed: who holds a block has its slab's class from who carved it; who does not may be told either. */
  return sy_region_has (pointer) ? AO_char_load (&pool->map[sy_region_unit_of (pointer)]) : 0;
}

/* A full magazine of the class from home's depot, else what its shard's others, else a neighbour's, can spare.  NULL: none. */
struct sy_magazine *sy_pool_load (struct sy_pool *pool, unsigned home, unsigned class);

/* A thread that had magazines of the class from its home has left: what lies in the depot there is anybody's, until another of its threads
   takes some. */
void sy_pool_leave (struct sy_pool *pool, unsigned home, unsigned class);

/* Gives a full magazine to home's depot.  False: it has its fill. */
bool sy_pool_store (struct sy_pool *pool, unsigned home, unsigned class, struct sy_magazine *magazine);

/*
 * Carves up to count blocks out of slabs and stores them below top, as sy_slab_take does.  Returns how many; 0: out of range or of memory.
 * *zeroed becomes false where one of them may not be zero.
 */
unsigned sy_pool_carve (struct sy_pool *pool, unsigned home, unsigned class, unsigned count, void **top, bool *zeroed);

/* Puts blocks back into their slabs, whichever shards' they are; the array is used up.  Reports what is no free-able block. */
void sy_pool_put (struct sy_pool *pool, unsigned home, unsigned class, void **blocks, unsigned count);

/* Debug builds: reports a block of this class that is no whole block, or that its slab has already. */
void sy_pool_check (unsigned class, const void *block);

/* Ends a slab that has left its bin: onto a chain for the region, which the caller gives back outside the bin's lock. */
void sy_pool_slab_end (struct sy_pool *pool, uint32_t number, uint32_t *chain, unsigned *count);

/* For fork: all bins at once. */
void sy_pool_lock (struct sy_pool *pool);
void sy_pool_unlock (struct sy_pool *pool);

/* Every bin's invariants, executed; takes the locks. */
bool sy_pool_is_valid (struct sy_pool *pool);

#endif
