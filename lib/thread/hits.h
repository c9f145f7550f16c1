/* SPDX-License-Identifier: MIT */
/*
 * hits.h: what most calls of malloc, calloc, free, realloc and malloc_usable_size come to in a
 * pool: a block popped from a magazine or pushed on one, or a block's class.
 *
 * If it is no hit, the caller takes the slow way.  The cache is the thread's last one.  A caller
 * with a handle has compared the cache's owner: only a live handle owns a cache, so the handle may
 * be any value.  A caller without one, as the drop-in's malloc, needs no comparison: there is no
 * handle but its own, and a thread without a cache has one in which nothing hits (registry.h).  For
 * the same reason its free takes the kind that the map has, whoever the owner.
 */
#ifndef SY_HITS_H
#define SY_HITS_H

#include "thread/registry.h"

/* The kind's entries of the cache's arrays lie at fixed distances from here, so that a hit computes
   one address. */
static inline char *
sy_cache_row (struct sy_cache *cache, size_t kind)
{
  char *row = (char *) cache + kind * sizeof (AO_t);

  SY_OPAQUE (row);
  return row;
}

#define SY_ROW_ENTRY(row, array) ((AO_t *) (void *) ((row) + offsetof (struct sy_cache, array)))

/*
 * A block of the class from the loaded magazine.  NULL: that is empty.
 *
 * `next` saves a load on the way to the block.  A free just before has its class from the map, so
 * the processor knows late where that free writes.  It keeps back what may read from there: here
 * one load, and not that of top and then that of the slot.
 */
static inline void *
sy_cache_pop (struct sy_cache *cache, unsigned class)
{
  char *row = sy_cache_row (cache, class);
  AO_t *top = SY_ROW_ENTRY (row, top), *next = SY_ROW_ENTRY (row, next);
  void *block = (void *) AO_load (next);

  if (SY_LIKELY (block != NULL))
    {
      void **at = (void **) AO_load (top), *below = at[-2];

      AO_store (top, (AO_t) (at - 1));
      AO_store (next, (AO_t) below);
      /* release: who sees the count sees the top; pairs with the acquire in sy_counts_hits. */
      sy_own_add_release (SY_ROW_ENTRY (row, books.counts.allocations), 1);
    }
  return block;
}

/* Notes that the class's loaded magazine has popped a block.  True: that is known to be zero.  What
   lies below such a block may be zero too, what is put above it no longer. */
static inline bool
sy_cache_note_popped (struct sy_cache *cache, unsigned class)
{
  void **top = (void **) AO_load (&cache->top[class]);
  bool is_fresh = top < cache->fresh[class];

  if (is_fresh)
    cache->fresh[class] = top;
  return is_fresh;
}

/*
 * The same, and notes in popped_fresh whether the block is known to be zero.  That has a meaning
 * for classes over SY_TINY_MAX only, which sy_cache_pop alone never serves.
 */
static inline void *
sy_cache_pop_fresh (struct sy_cache *cache, unsigned class)
{
  void *block = sy_cache_pop (cache, class);

  cache->popped_fresh = sy_cache_note_popped (cache, class);
  return block;
}

/* A block for a size over SY_TINY_MAX and up to SY_SMALL_MAX, as sy_cache_pop.  NULL: there is
   none, or a trim is due (trim.h). */
static inline void *
sy_cache_pop_medium (struct sy_cache *cache, size_t size)
{
  unsigned class = sy_class_of_medium (size);
  void *block = cache->hits_left == 0 ? NULL : sy_cache_pop (cache, class);

  if (block == NULL)
    return NULL;
  cache->hits_left--;
  (void) sy_cache_note_popped (cache, class);
  return block;
}

/* Pops as many blocks as the loaded magazine has, up to count.  None of them is known to be
   zero. */
static inline size_t
sy_cache_pop_many (struct sy_cache *cache, unsigned class, size_t count, void **blocks)
{
  void **top = (void **) AO_load (&cache->top[class]);
  size_t popped = 0;

  while (popped < count && top[-1] != NULL)
    blocks[popped++] = *--top;
  AO_store (&cache->next[class], (AO_t) top[-1]);
  AO_store (&cache->top[class], (AO_t) top);
  sy_own_add_release (&cache->books.counts.allocations[class], popped); /* as in sy_cache_pop */
  if (cache->fresh[class] > top)
    cache->fresh[class] = top;
  return popped;
}

/*
 * The map's entry for a block's unit.  False: not decided.  Blocks of class 2, 24 bytes, may have
 * an address that is no multiple of 16.
 *
 * The offset is turned right by a granule's bits, so that one comparison asks both questions: an
 * address with one of its low four bits set is far beyond the range then.  The entry is looked up
 * by the address, so that it need not wait for that.
 *
 * Plain: the holder of a block has the entry from the thread that carved it, and it stays until the
 * block is back.
 */
static inline bool
sy_hit_entry (const void *block, unsigned *entry)
{
  uintptr_t offset = (uintptr_t) block - sy_range.base,
            granule = offset >> SY_GRANULE_SHIFT | offset << (SY_WORD_BITS - SY_GRANULE_SHIFT);

  if (SY_UNLIKELY (!sy_is_below (granule, &sy_range.granules)))
    return false;
  *entry = ((unsigned *) sy_range.entries)[(uintptr_t) block >> SY_UNIT_SHIFT];
  return true;
}

/* The class of a block of the cache's pool.  False: not decided. */
static inline bool
sy_cache_class_of (const struct sy_cache *cache, const void *block, size_t *class)
{
  unsigned entry;

  if (SY_UNLIKELY (!sy_hit_entry (block, &entry)))
    return false;
  *class = entry ^ cache->tag;
  return SY_LIKELY (*class < SY_CLASSES);
}

/* The usable bytes of a block of the cache's pool.  False: not decided. */
static inline bool
sy_cache_usable (const struct sy_cache *cache, const void *block, size_t *bytes)
{
  size_t class;

  if (SY_UNLIKELY (SY_DEBUG || !sy_cache_class_of (cache, block, &class)))
    return false;
  *bytes = sy_extents[class].bytes;
  return true;
}

/* Puts a block on the loaded magazine of its kind.  False: no room, which no kind but a class ever
   has, or the block is there already; and nothing has changed. */
static inline bool
sy_cache_push_kind (struct sy_cache *cache, size_t kind, void *block)
{
  char *row = sy_cache_row (cache, kind);
  AO_t *top = SY_ROW_ENTRY (row, top), *next = SY_ROW_ENTRY (row, next);
  void **at = (void **) AO_load (top);

  if (SY_UNLIKELY (sy_magazine_is_full (at) || sy_holds (next, (AO_t) block)))
    return false;
  *at = block;
  AO_store (next, (AO_t) block);
  sy_own_add (top, sizeof *at);
  return true;
}

/* Puts a block of the cache's pool on the loaded magazine of its class.  False: not decided, or no
   room, and nothing has changed. */
static inline bool
sy_cache_push (struct sy_cache *cache, void *block)
{
  size_t class;

  return SY_LIKELY (!SY_DEBUG && sy_cache_class_of (cache, block, &class))
         && sy_cache_push_kind (cache, class, block);
}

/* The kind of a block, in a process with one handle: a unit that somebody has is that handle's.
   False: not decided. */
static inline bool
sy_only_kind (const void *block, size_t *kind)
{
  unsigned entry;

  if (SY_UNLIKELY (SY_DEBUG || !sy_hit_entry (block, &entry)))
    return false;
  *kind = entry % (1u << SY_TAG_SHIFT);
  return true;
}

#endif
