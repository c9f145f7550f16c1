/* SPDX-License-Identifier: MIT */
/*
 * registry.h: which thread has which cache of which handle: births, deaths, sums.
 *
 * A cache is on two lists: its thread's (only that thread follows it) and its handle's (under the registry lock).  A thread that ends
 * hands in the blocks of its caches and adds its counts to the handle's `retired`; the cache's memory goes to the next thread.  When a
 * handle ends first, its caches stay on their threads' lists with owner SY_OWNER_GONE until those threads come by or end.
 */
#ifndef SY_REGISTRY_H
#define SY_REGISTRY_H

#include <config.h>

#include "thread/cache.h"

/* The thread's cache that was used last; never NULL: before the first one, and after the thread's end, one that no handle owns. */
extern __thread struct sy_thread_cache *sy_thread_cache_last __attribute__ ((tls_model (SY_TLS_MODEL)));

/*
 * The calling thread's cache of the handle.  All three end the process where the handle is none, and call is the public call then.
 *
 *   get   makes one if need be: for calls that allocate, and for readers.  NULL: the thread is past its end, or there is no memory for one.
 *   find  makes none: for calls that ask.  NULL: the thread has none.
 *   earn  for calls that free a block: makes one for a thread that frees more than SY_FREES_ALONE blocks.  NULL: as the others.
 *
 * A thread may still free when its end has come and nobody will hand in a cache (the C library frees what it has of the thread after the
 * destructors of its keys).  So the thread must have allocated, or freed much, before it gets one.  The caller goes on without.
 */
struct sy_thread_cache *sy_thread_cache_of (struct sydra_alloc *a, const char *call) SY_NOINLINE;
struct sy_thread_cache *sy_thread_cache_look (struct sydra_alloc *a, const char *call) SY_NOINLINE;
struct sy_thread_cache *sy_thread_cache_earned (struct sydra_alloc *a, const char *call) SY_NOINLINE;

static inline struct sy_thread_cache *
sy_thread_cache_get (struct sydra_alloc *a, const char *call)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a)) ? cache : sy_thread_cache_of (a, call);
}

static inline struct sy_thread_cache *
sy_thread_cache_find (struct sydra_alloc *a, const char *call)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a)) ? cache : sy_thread_cache_look (a, call);
}

static inline struct sy_thread_cache *
sy_thread_cache_earn (struct sydra_alloc *a, const char *call)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a)) ? cache : sy_thread_cache_earned (a, call);
}

/* As sy_handle_check; at once where the thread's last cache is the handle's, as only a live one has caches. */
static inline void
sy_thread_handle_check (const struct sydra_alloc *a, const char *call)
{
  if (SY_UNLIKELY (!sy_holds (&sy_thread_cache_last->owner, (AO_t) a)))
    sy_handle_check (a, call);
}

/* What all threads of a handle counted together; exact when none is inside the allocator. */
struct sy_thread_totals {
  struct sy_counts counts;
  size_t high[SY_CLASSES], high_bytes, live_bytes;
};

void sy_thread_registry_totals (struct sydra_alloc *a, struct sy_thread_totals *totals);

/* What a walk over a handle's threads found. */
struct sy_readers {
  AO_t left;                       /* an epoch that was over before the walk, as the caller said */
  struct sy_oldest oldest;         /* of those inside */
  unsigned threads;                /* with a cache */
  size_t bag_blocks, bag_bytes;    /* that wait in threads' bags */
  uint64_t since_us;               /* when the oldest of these came; 0: none */
  bool idle_bags;                  /* some thread has in its bags just what it had at the last walk */
};

void sy_thread_registry_readers (struct sydra_alloc *a, AO_t left, struct sy_readers *readers);

/* Seals the bags of all threads that are not at work on them, or only of those whose bags hold just what they held at the last walk. */
void sy_thread_registry_take_bags (struct sydra_alloc *a, bool all);

/* Begins the calling thread's work on its own bags. */
void sy_thread_registry_begin (struct sy_thread_cache *cache);

/* Seals all bags of a handle that no other thread uses. */
void sy_thread_registry_seal_all (struct sydra_alloc *a);

/* Takes every thread's cache from the handle, blocks put back and counts kept: the handle is about to end. */
void sy_thread_registry_detach (struct sydra_alloc *a);

/* In the child of a fork: hands in the caches of the threads that are not there.  Under the registry lock. */
void sy_thread_registry_after_fork (struct sydra_alloc *a);

#endif
