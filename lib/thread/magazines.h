/* SPDX-License-Identifier: MIT */
/*
 * magazines.h: a thread's magazines, for misses and trims: what is loaded, how large the next ones
 * are, and where their blocks go.
 *
 * By the cache's own thread; or by another, if that thread has ended or the handle is being
 * destroyed.  What changes a class's magazines is called between sy_counts_change_begin and
 * sy_counts_change_end.
 */
#ifndef SY_MAGAZINES_H
#define SY_MAGAZINES_H

#include "thread/counts.h"

/* What `top` points behind if a class has no loaded magazine.  It looks both empty and full. */
extern void *sy_no_magazine[];
#define SY_NO_TOP ((AO_t) sy_no_magazine + SY_MAGAZINE_BYTES)

/* Where the loaded magazine's blocks end. */
static inline void **
sy_cache_top (const struct sy_cache *cache, unsigned class)
{
  return (void **) AO_load (&cache->top[class]);
}

/* The loaded magazine; NULL: none. */
static inline struct sy_magazine *
sy_cache_loaded (const struct sy_cache *cache, unsigned class)
{
  return AO_load (&cache->top[class]) == SY_NO_TOP ? NULL
                                                   : sy_magazine_of (sy_cache_top (cache, class));
}

/* Loads a magazine with blocks up to top.  is_fresh: they are zero, and were never handed out. */
static inline void
sy_cache_load (struct sy_cache *cache, unsigned class, void **top, bool is_fresh)
{
  AO_store (&cache->top[class], (AO_t) top);
  AO_store (&cache->next[class], (AO_t) top[-1]);
  AO_store (&cache->books.last_top[class], (AO_t) top);
  cache->fresh[class] = is_fresh ? top : NULL;
}

/* Is there budget for so many bytes more? */
bool sy_cache_has_budget (const struct sydra_alloc *a, const struct sy_cache *cache, size_t more);

/* How many blocks a class's first magazine has room for. */
static inline unsigned
sy_cache_first_capacity (unsigned class)
{
  size_t capacity = SY_CAPACITY_FIRST_BYTES / sy_size_classes[class].bytes;

  return capacity == 0 ? 1 : capacity < SY_CAPACITY_FIRST ? (unsigned) capacity : SY_CAPACITY_FIRST;
}

/* The class's next magazines have room for so many blocks each; 0: it has none. */
void sy_cache_set_capacity (struct sy_cache *cache, unsigned class, unsigned capacity);

/* Puts blocks that are the thread's into their slabs. */
void sy_cache_put_blocks (struct sydra_alloc *a, unsigned home, unsigned class, void **blocks,
                          unsigned count);

/*
 * Gives a full magazine to home's depot, or to the inbox of the shard that its blocks are of.  If
 * there is no room, or the magazine has fewer than `least` blocks, the blocks go to the slabs
 * instead: a short one would soon be a miss again.
 * False: they did, and the caller still has the magazine, which is empty.
 */
bool sy_cache_hand_in (struct sydra_alloc *a, unsigned home, unsigned class,
                       struct sy_magazine *full, unsigned least);

/* Puts what both magazines hold of the class into the slabs and publishes; the class has no
   magazines then, and no budget. */
void sy_cache_flush_class (struct sydra_alloc *a, struct sy_cache *cache, unsigned class);

/* Makes a cache of the handle's out of any memory of that size: empty, its counts 0. */
void sy_cache_start (struct sy_cache *cache, struct sydra_alloc *a);

/* Puts all its blocks back into their slabs and brings its books up to date. */
void sy_cache_flush (struct sy_cache *cache);

/* Flushes the cache if the handle has a limit, which counts the magazines' blocks too.  False: no
   limit, or no cache. */
bool sy_cache_flush_for_limit (const struct sydra_alloc *a, struct sy_cache *cache);

/*
 * In the child of a fork, for a thread that is not there.  If it was in the middle of a miss, lets
 * go of that class's magazines, which may be half changed.  What they held is lost to the child.
 */
void sy_cache_abandon (struct sy_cache *cache);

/* budget_used is what the capacities of all classes say, and next what is below each top.  Run in
   debug builds at each trim. */
bool sy_cache_is_valid (const struct sy_cache *cache);

#endif
