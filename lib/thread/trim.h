/* SPDX-License-Identifier: MIT */
/*
 * trim.h: what a thread gives up beside its misses: a step of what is due (reap.h), and what it
 * holds itself for nothing.
 *
 * A class is idle where the thread called for fewer of its blocks since the last trim than a
 * magazine holds.  Idle classes are flushed
 *   - every SY_REAP_NS;
 *   - each time that memory has grown by a share.  Then classes in use are flushed too where their
 *     slabs have many free blocks, the shard's depots give up what lay in them, and free large
 *     blocks go back soon;
 *   - one at a time, where a busy class has no budget to grow (cache.h).  So the budget goes round
 *     to the classes that use it, as tcmalloc has size classes steal from each other.
 * Where more threads have come, a trim also brings the thread down to its share of the budget.
 */
#ifndef SY_TRIM_H
#define SY_TRIM_H

#include "thread/cache.h"

/* Gives back what lay unused for a while, of the pool's and of the thread's, but for the busy
   class.  By slow ways only.  cache may be NULL. */
void sy_cache_trim (struct sydra_alloc *a, struct sy_cache *cache, unsigned busy);

#endif
