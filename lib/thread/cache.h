/* SPDX-License-Identifier: MIT */
/*
 * cache.h: what one thread keeps of one handle: two magazines a class, and its counters.
 *
 * malloc pops from the loaded magazine what free pushed on it last: a block that lies in the caches, beside the one before.  Neither touches
 * the block, a lock, or a line that another thread writes.  Where the loaded magazine is done, the one previous to it takes part.  Only the
 * owning thread writes; statistics read the AO_t members at any time, and look at `changes` (odd while a miss is under way) to see a
 * consistent set.
 *
 * Frees that hit are not counted: they are what allocations do not explain of the way of `top` since it was last counted ("then"):
 *   frees == counts.frees + (counts.allocations - allocations_then) - (top_then - top)
 *
 * A class without a loaded magazine: top points behind a NULL (empty), at a multiple of a magazine's size (full).
 *
 * A thread that idles keeps what it holds, as a pop has no flag that others could wait for: so `room`, what its magazines may hold, grows
 * within a share of SY_ROOM_ALL.  The share is that of the moment; a thread that goes on comes down to it (tend.h), one that idles does not.
 * A class's first magazines may be over it, and one from a depot, or one that a class which comes down still has, may be larger than the
 * thread's own grow: there was room for it.
 */
#ifndef SY_CACHE_H
#define SY_CACHE_H

#include "epoch/bags.h"
#include "thread/handle.h"

/* Nobody's: no handle has this address, and no caller can know it. */
extern const char sy_owner_gone;
#define SY_OWNER_GONE ((AO_t) &sy_owner_gone)

struct sy_thread_cache {
  AO_t top[SY_CLASSES];                /* of the loaded magazines; first, for the shortest addresses */
  AO_t owner;                          /* the handle, or SY_OWNER_GONE, written by who destroys that */
  uintptr_t base;                      /* the range, and the pool's map of it */
  size_t granules;                     /* of the range; 0: the handle has no pool */
  const unsigned char *map;
  struct sy_counts counts;             /* allocations as they happen */

  AO_t top_then[SY_CLASSES], allocations_then[SY_CLASSES];
  AO_t frees_seen[SY_CLASSES];         /* what statistics have read last; under the registry lock */
  void **previous[SY_CLASSES];         /* tops of the previous magazines; NULL: none, as where none is loaded */
  void **fresh[SY_CLASSES];            /* what the loaded magazine has below was never handed out and is zero; of classes over SY_TINY_MAX */
  bool popped_fresh;                   /* the last block of such a class */
  AO_t changes;
  unsigned changing;                   /* while changes is odd: the class whose magazines change; 0: none's */
  AO_t net[SY_CLASSES], peak[SY_CLASSES];  /* blocks since the last publication, signed: now, and the most */
  AO_t net_bytes, peak_bytes;
  unsigned rounds[SY_CLASSES];         /* of the next magazine; 0: the class has none */
  size_t room;                         /* bytes of blocks that two magazines of such rounds a class hold */
  AO_t caches_then;                    /* how many caches the handle had when a class last grew */
  bool wants_room;                     /* a class could not grow */
  unsigned hand;                       /* the class that was asked last to make room for another */
  AO_t calls_seen[SY_CLASSES];         /* calls of each class at the last look for what to shed ... */
  AO_t growths_seen;                   /* ... and sy_region.growths, and the time */
  uint64_t shed_ns;
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

/* A block of the class from the loaded magazine.  NULL: that is empty. */
static inline void *
sy_thread_cache_pop (struct sy_thread_cache *cache, unsigned class)
{
  /* The class's entries of both arrays lie at fixed distances from here. */
  char *row = (char *) cache + class * sizeof (AO_t);

  SY_OPAQUE (row);

  AO_t *top = (AO_t *) (void *) (row + offsetof (struct sy_thread_cache, top));
  AO_t *allocations = (AO_t *) (void *) (row + offsetof (struct sy_thread_cache, counts.allocations));
  void **at = (void **) AO_load (top), *block = at[-1];

  if (SY_LIKELY (block != NULL))
    {
      AO_store (top, (AO_t) (at - 1));
      /* release: who sees the count sees the top; pairs with the acquire in sy_cache_hits. */
      sy_own_add_release (allocations, 1);
    }
  return block;
}

/* ... of a class over SY_TINY_MAX, whose blocks all come this way or by a miss: popped_fresh says whether it is known to be zero. */
static inline void *
sy_thread_cache_pop_large (struct sy_thread_cache *cache, unsigned class)
{
  void *block = sy_thread_cache_pop (cache, class);
  void **top = (void **) AO_load (&cache->top[class]);

  cache->popped_fresh = top < cache->fresh[class];
  if (cache->popped_fresh)
    cache->fresh[class] = top;
  return block;
}

/* Puts all its blocks back into their slabs and brings its counts up to date. */
void sy_thread_cache_flush (struct sy_thread_cache *cache);

/*
 * In the child of a fork, for a thread that is not there: if it was in the middle of a miss, lets go of the class's magazines and the
 * spare ones, which may be half changed.  What they held is lost to the child.
 */
void sy_thread_cache_abandon (struct sy_thread_cache *cache);

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

/*
 * The class of a block of the cache's pool, for hits.  False: it may be one all the same.
 *
 * The offset is turned right by a granule's bits, so that one comparison asks both questions: an address with one of its low four bits set
 * is far beyond the range then.
 */
static inline bool
sy_thread_cache_class_of (const struct sy_thread_cache *cache, const void *block, size_t *class)
{
  uintptr_t offset = (uintptr_t) block - cache->base, granule = offset >> SY_GRANULE_SHIFT | offset << (SY_WORD_BITS - SY_GRANULE_SHIFT);

  if (SY_UNLIKELY (granule >= cache->granules))
    return false;

  size_t unit = granule >> (SY_UNIT_SHIFT - SY_GRANULE_SHIFT);

  SY_OPAQUE (unit);
  /* Plain: who holds a block has the byte from who carved it, and it stays until the block is back. */
  if (SY_UNLIKELY (cache->map[unit] == 0))
    return false;
  *class = unit >> sy_map_shift (cache->map);
  return true;
}

/* ---- For misses, by the owner ---- */

/* A magazine that is empty and full: what is loaded where there is none. */
extern void *sy_no_magazine[];
#define SY_NO_TOP ((AO_t) sy_no_magazine + SY_MAGAZINE_BYTES)

/*
 * The hits since the class was last counted.  A malloc moves top first and is counted then, so that what is under way may look as if fewer
 * blocks had come back, and never more; a whole malloc between the looks at the two is seen and they are repeated, so often.
 */
static inline void
sy_cache_hits (const struct sy_thread_cache *cache, unsigned class, AO_t *pops, AO_t *pushes)
{
  AO_t allocations, top;
  unsigned tries = 0;

  do
    {
      /* acquire, both: the looks come one after the other; the first pairs with the release in sy_thread_cache_pop. */
      allocations = AO_load_acquire (&cache->counts.allocations[class]);
      top = AO_load_acquire (&cache->top[class]);
    }
  while (AO_load (&cache->counts.allocations[class]) != allocations && ++tries < SY_READ_TRIES);

  intptr_t out = (intptr_t) (AO_load (&cache->top_then[class]) - top) / (intptr_t) sizeof (void *);

  *pops = allocations - AO_load (&cache->allocations_then[class]);
  *pushes = *pops - (AO_t) out;
  /* Below 0. */
  if (*pushes > (AO_t) 0 - SY_MAGAZINE_SLOTS - 1)
    *pushes = 0;
}

/* The owner changes a class's magazines and counts between begin, which counts the hits so far, and end; a reader that saw it reads again. */
void sy_cache_change_begin (struct sy_thread_cache *cache, unsigned class);
void sy_cache_change_end (struct sy_thread_cache *cache);

/* Tells the handle how many blocks of the class, and bytes in all, the thread has more or fewer than it knows of. */
void sy_cache_publish (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class);

/* Counts blocks that no magazine held: published, as a full one is, once the thread differs by a magazine's blocks. */
void sy_cache_note_direct (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, size_t allocations, size_t frees);

/* The same for a thread without a cache: the handle knows at once. */
void sy_cache_note_alone (struct sydra_alloc *a, unsigned class, size_t allocations, size_t frees);

/* Of so many calls that hit, how many blocks were handed out at once at the most: those that a full-grown magazine has. */
static inline size_t
sy_cache_at_once (unsigned class, size_t pops)
{
  return pops < sy_size_classes[class].rounds ? pops : sy_size_classes[class].rounds;
}

/* Where the loaded magazine's blocks end. */
static inline void **
sy_cache_top (const struct sy_thread_cache *cache, unsigned class)
{
  return (void **) AO_load (&cache->top[class]);
}

/* The loaded magazine; NULL: none. */
static inline struct sy_magazine *
sy_cache_loaded (const struct sy_thread_cache *cache, unsigned class)
{
  return AO_load (&cache->top[class]) == SY_NO_TOP ? NULL : sy_magazine_of (sy_cache_top (cache, class));
}

/* Loads a magazine with blocks up to top; are they zero, and never handed out? */
static inline void
sy_cache_load (struct sy_thread_cache *cache, unsigned class, void **top, bool fresh)
{
  AO_store (&cache->top[class], (AO_t) top);
  AO_store (&cache->top_then[class], (AO_t) top);
  cache->fresh[class] = fresh ? top : NULL;
}

/* May the thread's magazines have room for so many bytes more, within its share of what all threads' may? */
bool sy_cache_has_room (const struct sydra_alloc *a, const struct sy_thread_cache *cache, size_t more);

/* How many blocks a class's first magazines have room for. */
static inline unsigned
sy_cache_first_rounds (unsigned class)
{
  size_t rounds = SY_ROUNDS_FIRST_BYTES / sy_size_classes[class].bytes;

  return rounds == 0 ? 1 : rounds < SY_ROUNDS_FIRST ? (unsigned) rounds : SY_ROUNDS_FIRST;
}

/* The class's next magazines have room for so many blocks each; 0: it has none. */
void sy_cache_set_rounds (struct sy_thread_cache *cache, unsigned class, unsigned rounds);

/* An empty magazine from the thread's spare ones or from all threads', and back.  NULL: out of memory. */
struct sy_magazine *sy_cache_take_empty (struct sy_thread_cache *cache);
void sy_cache_give_empty (struct sy_thread_cache *cache, struct sy_magazine *magazine);

/* Puts blocks that are the thread's into their slabs. */
void sy_cache_put_blocks (struct sydra_alloc *a, unsigned home, unsigned class, void **blocks, unsigned count);

/* Puts what both magazines hold of the class into the slabs and publishes; the class has no magazines then, and no room. */
void sy_cache_flush_class (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class);

#endif
