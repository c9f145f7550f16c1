/* SPDX-License-Identifier: MIT */
/*
 * shard.h: a pool: shards that own slabs, and a depot of full magazines for each class of each shard.
 *
 * Any thread may use any shard's bins; its home is only where it looks first.  A busy lock is not waited for while another bin of the class
 * has blocks to give.
 */
#ifndef SY_SHARD_H
#define SY_SHARD_H

#include "bin.h"

struct sy_shard {
  struct sy_bin bin[SY_CLASSES];
};

struct sy_pool {
  unsigned char *map;      /* a byte a unit of the range: the class of its slab, if that is this pool's, else 0 */
  struct sy_shard *shards;
  unsigned shard_count;    /* at least 1 */
  bool direct;             /* no magazines: every request goes to a slab under its bin's lock */
  AO_t next_home;          /* threads are dealt to the shards in turn */
  AO_t cross_frees;
  AO_t reaped_ns;          /* when depots were last reaped, in nanoseconds shifted right by 20 */
};

/* shards 0: one, and direct.  False: no memory, nothing kept. */
bool sy_pool_open (struct sy_pool *pool, unsigned shards);

/* Takes back every slab, whatever is still live in it.  No thread is in the pool. */
void sy_pool_close (struct sy_pool *pool);

/* The pool's class of the block's slab; 0: the pointer is in no live slab of this pool. */
static inline unsigned
sy_pool_class_of (const struct sy_pool *pool, const void *pointer)
{
  /* Relaxed: who holds a block has its slab's class from who carved it; who does not may be told either. */
  return sy_region_has (pointer) ? AO_char_load (&pool->map[sy_region_unit_of (pointer)]) : 0;
}

/* A full magazine of the class from the home shard's depot, else from a neighbour's.  NULL: none. */
struct sy_magazine *sy_pool_load (struct sy_pool *pool, unsigned home, unsigned class);

/* Gives a full magazine to the home shard's depot.  False: it has its fill. */
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

/* Is it time for sy_pool_reap? */
static inline bool
sy_pool_reap_is_due (const struct sy_pool *pool, uint64_t now_ns)
{
  return (AO_t) (now_ns >> 20) - AO_load (&pool->reaped_ns) >= (AO_t) (SY_REAP_NS >> 20);
}

/* Puts the blocks of depots that lay unused since the last reaping back into their slabs, and gives idle slabs' free pages to the system. */
void sy_pool_reap (struct sy_pool *pool, uint64_t now_ns);

/* Gives all free pages inside slabs back to the system; how many bytes that were. */
size_t sy_pool_purge (struct sy_pool *pool);

/* Empties all depots into the slabs. */
void sy_pool_drain (struct sy_pool *pool);

/* For fork: all bins at once. */
void sy_pool_lock (struct sy_pool *pool);
void sy_pool_unlock (struct sy_pool *pool);

/* Every bin's invariants, executed; takes the locks. */
bool sy_pool_is_valid (struct sy_pool *pool);

#endif
