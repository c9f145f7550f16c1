/* SPDX-License-Identifier: MIT */
/*
 * pool.h: a pool is what a handle has of small blocks: shards, each with one bin for each class,
 * and a tag that marks its slabs in the map of the range (range.h).
 *
 *   shard 0    bin of class 1 | bin of class 2 | ... | bin of class 53
 *   shard 1    ...
 *
 * Any thread may use the bins of any shard.  A thread's home is only where it looks first.  A
 * thread does not wait for a busy lock while another bin of the class has blocks to give.
 */
#ifndef SY_POOL_H
#define SY_POOL_H

#include "base/purge_timer.h"
#include "pool/bin.h"

struct sy_shard {
  struct sy_bin bin[SY_CLASSES];
  /* sy_range.growths when its depots were last shed (reap.h); changed by compare-and-swap. */
  AO_t last_growths;
};

/* A thread's home as one number: a shard, and the depot that the thread uses in each of its
   bins. */
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

/* The position of the pool's reaping (reap.h).  The thread that does a step writes all but
   `busy`. */
struct sy_reaping {
  AO_t busy;                 /* 1: a thread does a step; taken by compare-and-swap */
  struct sy_purge_timer timer;       /* any thread may read it, as a hint */
  unsigned bin, depot;       /* the next bin, counted over all shards, and the next depot in it */
  unsigned magazines, slabs; /* what is left to do of the depot, and of the bin */
};

struct sy_pool {
  struct sy_shard *shards;
  unsigned tag;          /* in the range's map: its low SY_TAG_SHIFT bits are 0, others are not */
  unsigned shard_count;  /* 0: no pool is open */
  bool direct;           /* no magazines: every request goes to a slab under its bin's lock */
  AO_t next_home;        /* counts the homes given out: shard by shard, then depot by depot */
  AO_t cross_frees;      /* blocks that went from one shard to another; shared adds */
  AO_t used_up;          /* 1: a thread got no memory for a slab since the last reaping began; so
                            none spares its neighbours' blocks.  Any thread writes it, relaxed */
  struct sy_reaping reaping;
};

static inline struct sy_bin *
sy_pool_bin (const struct sy_pool *pool, unsigned shard, unsigned class)
{
  return &pool->shards[shard].bin[class];
}

/* Has a slab of the class a free block, in a shard that a thread at home in the first one looks at?
   A hint. */
static inline bool
sy_pool_has_blocks (const struct sy_pool *pool, unsigned class)
{
  unsigned shard = 0, end = SY_NEIGHBOURS_MAX;

  end = end < pool->shard_count ? end : pool->shard_count;
  while (shard < end && AO_load (&sy_pool_bin (pool, shard, class)->free_blocks) == 0)
    shard++;
  return shard < end;
}

/* Opens a pool of zeroed memory, with a tag that no other pool has.  0 shards means one shard and
   `direct`.  False: out of memory, and nothing is kept. */
bool sy_pool_open (struct sy_pool *pool, unsigned shards, unsigned tag);

/* Gives back every slab, even with live blocks in it.  No thread may be in the pool.  Large blocks
   with the pool's tag stay (large.h). */
void sy_pool_close (struct sy_pool *pool);

/* The next thread's home. */
static inline unsigned
sy_pool_home (struct sy_pool *pool)
{
  unsigned number = (unsigned) AO_fetch_and_add (&pool->next_home, 1);

  return sy_home (number % pool->shard_count, number / pool->shard_count % SY_DEPOTS);
}

/* The class of the slab that the pointer is in.  SY_CLASS_HEAP: it is in no live slab of this
   pool. */
static inline unsigned
sy_pool_class_of (const struct sy_pool *pool, const void *pointer)
{
  unsigned kind = sy_range_kind (pool->tag, pointer);

  return kind < SY_CLASSES ? kind : SY_CLASS_HEAP;
}

/* Takes a full magazine of the class from home's depot, or from the shard's inbox.  NULL: none. */
struct sy_magazine *sy_pool_take_magazine (struct sy_pool *pool, unsigned home, unsigned class);

/* Takes one that another depot of the shard can spare, else one that a neighbour shard can spare.
   NULL: none. */
struct sy_magazine *sy_pool_take_spare (struct sy_pool *pool, unsigned home, unsigned class);

/* Notes that a thread of this home, which used the class, has ended.  Any thread may then take all
   magazines of home's depot and of the inbox, until one of their own threads takes one, and what
   the slabs of the shard have now. */
void sy_pool_thread_ended (struct sy_pool *pool, unsigned home, unsigned class);

/* Gives a full magazine to home's depot; if that is full, and the last block is another shard's, to
   that shard's inbox.  False: no room, or the blocks had better go to their slabs, to come in order
   from there (SY_ORDER_BYTES in tuning.h); the magazine is still the caller's. */
bool sy_pool_give_magazine (struct sy_pool *pool, unsigned home, unsigned class,
                            struct sy_magazine *magazine);

/*
 * Carves up to count blocks out of slabs and stores them below top, as sy_slab_take does.  Returns
 * how many; 0: the range or the memory is used up.  Sets *zeroed to false if one of them may not be
 * zero.
 */
unsigned sy_pool_carve (struct sy_pool *pool, unsigned home, unsigned class, unsigned count,
                        void **top, bool *zeroed);

/* Puts blocks back into their slabs, of any shards.  Changes the array.  Reports misuse if one
   of them is no block, or is free already. */
void sy_pool_put (struct sy_pool *pool, unsigned home, unsigned class, void **blocks,
                  unsigned count);

/* For debug builds: reports a pointer that is no block of this class, or a block that its slab has
   marked free. */
void sy_pool_check (unsigned class, const void *block);

/* Slabs on their way back to the range, chained by the `next` of their first units' entries. */
struct sy_slab_chain {
  uint32_t first;
  unsigned count;
};

#define SY_SLAB_CHAIN_INIT { SY_UNIT_NONE, 0 }

/* Ends a slab that has left its bin, and puts it on a chain. */
void sy_pool_slab_end (struct sy_slab *slab, struct sy_slab_chain *chain);

/* Gives a chain's slabs back to the range.  The caller holds no bin's lock. */
void sy_pool_give_slabs (const struct sy_slab_chain *chain);

/* Take and release the locks of all bins at once; for fork. */
void sy_pool_lock (struct sy_pool *pool);
void sy_pool_unlock (struct sy_pool *pool);

/* Do all bins satisfy their invariants?  Takes their locks. */
bool sy_pool_is_valid (struct sy_pool *pool);

#endif
