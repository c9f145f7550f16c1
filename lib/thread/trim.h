/* SPDX-License-Identifier: MIT */
/*
 * trim.h: work that a miss does at its end, and now and then a hit: one step of a reaping that is
 * due (reap.h), and flushing the thread's idle classes.
 *
 * A class is idle if the thread's mallocs and frees of it since the last trim are fewer than its
 * next magazine holds.  Idle classes are flushed
 *   - every SY_REAP_NS;
 *   - each time that memory has grown by a share.  Then classes in use are flushed too where their
 *     slabs have many free blocks, the shard's depots give up what lay in them, and free large
 *     blocks go back soon;
 *   - one at a time, where a busy class has no budget to grow (cache.h).  So the budget goes round
 *     to the classes that use it, as tcmalloc has size classes steal from each other.
 * A class in use that had no miss for SY_REAP_NS is flushed too, and its next magazines have half
 * the room: the thread needs fewer blocks than they hold.
 * Where more threads have come, a trim also brings the thread down to its share of the budget.
 */
#ifndef SY_TRIM_H
#define SY_TRIM_H

#include "thread/cache.h"

/* Called from misses and other slow ways.  `missed` is the class of the miss, which is not flushed.
   cache may be NULL: then only the step is done. */
void sy_cache_trim (struct sydra_alloc *a, struct sy_cache *cache, unsigned missed);

/* A hit of malloc of a class over SY_TINY_MAX: each so many of them there is a trim too.  Such hits
   take a little longer anyway, and such classes may hold so much that a thread has no miss for
   seconds. */
static inline void
sy_cache_trim_at_hit (struct sydra_alloc *a, struct sy_cache *cache)
{
  if (SY_UNLIKELY (cache->hits_left == 0))
    sy_cache_trim (a, cache, SY_CLASS_HEAP);
  else
    cache->hits_left--;
}

#endif
