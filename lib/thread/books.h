/* SPDX-License-Identifier: MIT */
/*
 * books.h: how blocks are counted: each thread's books, and the handle's ledger.
 *
 * A thread counts in its own books (counts.h), which statistics read while it runs.  A malloc that
 * hits raises `allocations`.  A free that hits bumps no counter: its count is derived.  Since the
 * class was last settled, each malloc that hit lowered `top` by one slot and each free that hit
 * raised it by one:
 *
 *   mallocs since == allocations - last_allocations
 *   frees since   == mallocs since + (top - last_top), in slots
 *   frees         == counts.frees + frees since
 *
 * A miss settles its class first, and says by `changes` (odd while it is under way) that a reader
 * must read again.
 *
 * The high-water marks need to know what all threads have at once.  So a thread publishes to the
 * ledger how many blocks it has more or fewer than the ledger knows of (net), and the most that
 * this was meanwhile (peak), when a class has changed by SY_PUBLISH_CLASS_BYTES:
 *
 *   in use, of a class == live + sum over threads of (net + mallocs since - frees since)
 *
 * | field                | written by                      | order                              |
 * | counts, net, ...     | the thread, with sy_own_add     | relaxed; `changes` tells a reader  |
 * | counts.allocations   | the thread                      | release, after top; pairs with the |
 * |                      |                                 | acquire in sy_counts_hits          |
 * | changes              | the thread                      | odd: write barrier after; even:    |
 * |                      |                                 | release; pair with read_books      |
 * | read_frees           | statistics                      | under the registry lock            |
 * | the ledger           | any thread, by atomic additions | relaxed: a count orders nothing    |
 */
#ifndef SY_BOOKS_H
#define SY_BOOKS_H

#include "base/atomic.h"
#include "pool/size_class.h"

/* Entry SY_CLASS_HEAP of an array: what the heap served. */
struct sy_counts {
  AO_t allocations[SY_CLASSES], frees[SY_CLASSES];
  AO_t refills[SY_CLASSES];
  AO_t heap_bytes;         /* live usable bytes of blocks without a class */
  AO_t fallback_sizes[9];  /* SYDRA_STATS_FALLBACK_BOUNDS */
  AO_t fallback_resizes, fallback_remaps, shard_misses;
  AO_t fallback_heap;      /* allocations beside a pool that the heap served */
};

/* A thread's. */
struct sy_books {
  struct sy_counts counts;                 /* allocations as they happen; the rest at settlements */
  AO_t last_top[SY_CLASSES], last_allocations[SY_CLASSES];
  AO_t read_frees[SY_CLASSES];             /* what statistics have read last */
  AO_t net[SY_CLASSES], peak[SY_CLASSES];  /* blocks, signed */
  AO_t net_bytes, peak_bytes;
  AO_t changes;
  /* while changes is odd: the class whose magazines change; SY_CLASS_HEAP: none's */
  unsigned changing;
};

/* A handle's. */
struct sy_ledger {
  AO_t live[SY_CLASSES], high[SY_CLASSES];  /* blocks, as published */
  AO_t live_bytes, high_bytes;
  struct sy_counts retired;            /* of threads that ended, and of those that have no cache */
};

#endif
