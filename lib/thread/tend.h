/* SPDX-License-Identifier: MIT */
/*
 * tend.h: what a thread does for memory beside its misses: a step of what is due (reap.h), and what it holds itself for nothing.
 *
 * A class is idle where the thread called for fewer of its blocks than a magazine holds since the last look.  What is held of idle classes
 * goes to the slabs every SY_REAP_NS, each time that memory has grown by a share, and where a busy class has no room to
 * grow (cache.h): so the room goes round to the classes that use it, as tcmalloc has size classes steal from each other.  At a look the
 * thread also comes down to its share of all room, where more threads have come; and where memory has grown, what is held of classes in
 * use whose slabs have much free goes too, and free large blocks soon.
 */
#ifndef SY_TEND_H
#define SY_TEND_H

#include "thread/cache.h"

/* Gives back what lay unused for a while, of the pool's and of the thread's, but for one class; for slow ways.  cache may be NULL. */
void sy_tend (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned busy);

#endif
