/* SPDX-License-Identifier: MIT */
/*
 * thread_cache.h: what one thread keeps of one handle: two magazines a class, and its counters.
 *
 * malloc pops from the alloc side, free pushes on the free side; neither touches the block, a lock, or a line that another thread writes.
 * When one side is done the two change places.  Only the owning thread writes; statistics read the AO_t members at any time, and look at
 * `changes` (odd while a miss is under way) to see a consistent set.
 *
 * Hits are not counted: a side only moves one way between misses, so the number of hits is the distance between where `top` was when
 * last counted ("loaded") and where it is:
 *   allocations == counts.allocations + (alloc_loaded - alloc_top)      frees == counts.frees + (free_top - free_loaded)
 *
 * `next` repeats the block below alloc_top, NULL where there is none: what a program does with a new block first is to write to it, and
 * with the address one load nearer that store, and the loads behind it that must know where it goes, wait less.
 *
 * A side without a magazine: alloc_top points behind a NULL (empty), free_top is NULL (full).
 */
#ifndef SY_THREAD_CACHE_H
#define SY_THREAD_CACHE_H

#include "bags.h"
#include "handle.h"

/* Nobody's: no handle has this address, and no caller can know it. */
extern const char sy_owner_gone;
#define SY_OWNER_GONE ((AO_t) &sy_owner_gone)

struct sy_thread_cache {
  AO_t free_top[SY_CLASSES];           /* first, for the shortest addresses */
  AO_t owner;                          /* the handle, or SY_OWNER_GONE, written by who destroys that */
  uintptr_t base;                      /* the range, and the pool's map of it */
  size_t bytes;
  const unsigned char *map;
  unsigned zone_shift;
  AO_t next[SY_CLASSES], alloc_top[SY_CLASSES];

  AO_t free_loaded[SY_CLASSES], alloc_loaded[SY_CLASSES];
  AO_t changes;
  unsigned changing;                   /* while changes is odd: the class whose sides change; 0: none's */
  struct sy_counts counts;
  AO_t net[SY_CLASSES], peak[SY_CLASSES];  /* blocks since the last publication, signed: now, and the most */
  AO_t net_bytes, peak_bytes;
  unsigned rounds[SY_CLASSES];         /* of the next magazine */
  AO_t calls_seen[SY_CLASSES], growths_seen;  /* calls of each class, and sy_region.growths, at the last look for what to shed */
  unsigned home, spare_count;
  struct sy_magazine *spare[SY_SPARES_MAX];
  struct sy_thread_cache *next_of_handle, **link_of_handle;  /* under the registry lock */
  struct sy_thread_cache *next_of_thread;
  const void *thread;                  /* an address that is the thread's own */
  struct sy_reader reader SY_ALIGNED (SY_LINE_BYTES);  /* apart: others look at it and the bags now and then */
  struct sy_bags bags;
} SY_APART;

/* Makes a cache of the handle's out of any memory of that size: empty, its counts 0. */
void sy_thread_cache_start (struct sy_thread_cache *cache, struct sydra_alloc *a);

/* A block of the class from the alloc side.  NULL: that is empty. */
static inline void *
sy_thread_cache_pop (struct sy_thread_cache *cache, unsigned class)
{
  /* The class's entries of both arrays lie at fixed distances from here. */
  char *row = (char *) cache + class * sizeof (AO_t);

  SY_OPAQUE (row);

  AO_t *next = (AO_t *) (void *) (row + offsetof (struct sy_thread_cache, next));
  AO_t *alloc_top = (AO_t *) (void *) (row + offsetof (struct sy_thread_cache, alloc_top));
  void *block = (void *) AO_load (next);

  if (SY_LIKELY (block != NULL))
    {
      void **top = (void **) AO_load (alloc_top) - 1;

      AO_store (next, (AO_t) top[-1]);
      AO_store (alloc_top, (AO_t) top);
    }
  return block;
}

/* A block of the class when the alloc side is empty.  NULL: the pool has none, or the handle's limit is reached. */
void *sy_thread_cache_malloc_miss (struct sy_thread_cache *cache, unsigned class);

/* Is the block of the class that the thread popped last known to be zero?  Also after a miss; not where a miss got it from elsewhere. */
bool sy_thread_cache_popped_zeroed (const struct sy_thread_cache *cache, unsigned class);

/* Takes a block of the class, whatever state the free side is in. */
void sy_thread_cache_free (struct sy_thread_cache *cache, unsigned class, void *block);

/* Takes a full magazine's blocks of the class, and the magazine; cache may be NULL. */
void sy_thread_cache_free_magazine (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, struct sy_magazine *full);

/* The same for a thread without a cache. */
void *sy_thread_cacheless_malloc (struct sydra_alloc *a, unsigned class);
void sy_thread_cacheless_free (struct sydra_alloc *a, unsigned class, void *block);

/* Puts all its blocks back into their slabs and brings its counts up to date. */
void sy_thread_cache_flush (struct sy_thread_cache *cache);

/*
 * In the child of a fork, for a thread that is not there: if it was in the middle of a miss, lets go of the class's magazines and the
 * spare ones, which may be half changed.  What they held is lost to the child.
 */
void sy_thread_cache_abandon (struct sy_thread_cache *cache);

/* Gives back what lay unused for a while, here and there; for slow ways. */
void sy_thread_cache_reap (struct sydra_alloc *a);

/* Counts a block that the heap serves, of so many usable bytes; cache may be NULL. */
void sy_thread_cache_count_heap_malloc (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t bytes);
void sy_thread_cache_count_heap_free (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t bytes);

void sy_thread_cache_count_heap_resize (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t old_bytes, size_t new_bytes);

/* Adds to one of the counts: the cache's own, or the handle's where there is no cache. */
static inline void
sy_thread_cache_count (AO_t *of_cache, AO_t *of_handle, AO_t amount)
{
  if (of_cache != NULL)
    sy_own_add (of_cache, amount);
  else
    sy_shared_add (of_handle, amount);
}

#endif
