/* SPDX-License-Identifier: MIT */
/* counts.h: what is done with a thread's books and the handle's ledger (books.h). */
#ifndef SY_COUNTS_H
#define SY_COUNTS_H

#include "thread/cache.h"

/* Adds to a member of struct sy_counts: the thread's, or the handle's where the thread has no
   cache. */
#define sy_count(a, cache, member, amount)                                                         \
  ((cache) != NULL ? sy_own_add (&(cache)->books.counts.member, amount)                            \
                   : sy_shared_add (&(a)->ledger.retired.member, amount))

/* Calls that hit. */
struct sy_hits {
  AO_t mallocs, frees;
};

/*
 * The hits since the class was last settled.  By the thread, or by another while it runs: a malloc
 * that is under way may make the frees too few, and never too many.
 */
struct sy_hits sy_counts_hits (const struct sy_cache *cache, unsigned class);

/* The thread changes a class's magazines or counts between begin, which settles the class, and
   end. */
void sy_counts_change_begin (struct sy_cache *cache, unsigned class);
void sy_counts_change_end (struct sy_cache *cache);

/* Tells the ledger of the class's blocks, and of bytes. */
void sy_counts_publish (struct sydra_alloc *a, struct sy_cache *cache, unsigned class);

/* Counts blocks that no magazine held.  cache may be NULL: the ledger knows at once then. */
void sy_counts_direct (struct sydra_alloc *a, struct sy_cache *cache, unsigned class,
                       size_t allocations, size_t frees);

/* Counts a block without a class, of so many usable bytes.  cache may be NULL. */
void sy_counts_heap_malloc (struct sydra_alloc *a, struct sy_cache *cache, size_t bytes);
void sy_counts_heap_free (struct sydra_alloc *a, struct sy_cache *cache, size_t bytes);
void sy_counts_heap_resize (struct sydra_alloc *a, struct sy_cache *cache, size_t old_bytes,
                            size_t new_bytes);

/* The thread is gone: its counts become the handle's. */
void sy_counts_retire (struct sydra_alloc *a, const struct sy_cache *cache);

/* What all threads of a handle counted together; exact when none is inside the allocator. */
struct sy_totals {
  struct sy_counts counts;
  size_t high[SY_CLASSES], high_bytes, live_bytes;
};

/* Takes the registry lock. */
void sy_counts_totals (struct sydra_alloc *a, struct sy_totals *totals);

#endif
