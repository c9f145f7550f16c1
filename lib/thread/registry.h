/* SPDX-License-Identifier: MIT */
/*
 * registry.h: which thread has which cache of which handle: births and deaths.
 *
 * A cache is on its thread's list, which only that thread follows, and a participant of its
 * handle's domain.  A thread that ends hands in the blocks and the counts of its caches, and
 * quits their handles' epoch domains.  The memory of a cache goes to the next thread.  When a
 * handle ends first, its caches stay on their threads' lists with owner SY_OWNER_GONE until those
 * threads next look for a cache, or end.
 */
#ifndef SY_REGISTRY_H
#define SY_REGISTRY_H

#include "thread/cache.h"

/* Nobody's: no handle has this address, and no caller can know it. */
extern const char sy_owner_gone;
#define SY_OWNER_GONE ((AO_t) &sy_owner_gone)

/*
 * The thread's cache that was used last.  Never NULL: before the first one, and after the thread's
 * end, it is one that no handle owns, and in which nothing hits.
 */
extern __thread struct sy_cache *sy_cache_last __attribute__ ((tls_model (SY_TLS_MODEL)));

/*
 * The calling thread's cache of the handle.  All three end the process where `a` is no handle; call
 * names the public call in the report.
 *
 *   get   makes one if need be: for calls that allocate, and for readers.
 *         NULL: the thread is past its end, or there is no memory for one.
 *   find  makes none: for calls that ask.  NULL: the thread has none.
 *   earn  for calls that free a block: makes one for a thread that frees more than SY_FREES_ALONE
 *         blocks.  NULL: as the others.
 *
 * After the destructors of its keys the C library frees the rest of a thread's memory.  A cache
 * that was made then would never be handed in.  So a thread that only frees gets one late, and
 * callers go on without one.
 */
struct sy_cache *sy_cache_get_slow (struct sydra_alloc *a, const char *call) SY_NOINLINE;
struct sy_cache *sy_cache_find_slow (struct sydra_alloc *a, const char *call) SY_NOINLINE;
struct sy_cache *sy_cache_earn_slow (struct sydra_alloc *a, const char *call) SY_NOINLINE;

static inline struct sy_cache *
sy_cache_get (struct sydra_alloc *a, const char *call)
{
  struct sy_cache *cache = sy_cache_last;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a)) ? cache : sy_cache_get_slow (a, call);
}

static inline struct sy_cache *
sy_cache_find (struct sydra_alloc *a, const char *call)
{
  struct sy_cache *cache = sy_cache_last;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a)) ? cache : sy_cache_find_slow (a, call);
}

static inline struct sy_cache *
sy_cache_earn (struct sydra_alloc *a, const char *call)
{
  struct sy_cache *cache = sy_cache_last;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a)) ? cache : sy_cache_earn_slow (a, call);
}

/* As sy_handle_check, at once where the thread's last cache is the handle's: only a live one has
   caches. */
static inline void
sy_handle_check_fast (const struct sydra_alloc *a, const char *call)
{
  if (SY_UNLIKELY (!sy_holds (&sy_cache_last->owner, (AO_t) a)))
    sy_handle_check (a, call);
}

/* Takes every thread's cache from the handle, blocks put back and counts kept: the handle is
   about to end. */
void sy_registry_detach (struct sydra_alloc *a);

/* In the child of a fork: hands in the caches of the threads that are not there.  Under the
   registry lock. */
void sy_registry_after_fork (struct sydra_alloc *a);

#endif
