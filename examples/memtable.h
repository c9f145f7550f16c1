/* SPDX-License-Identifier: MIT */
/*
 * memtable.h: points of time series in memory, by series and time.  Readers take no lock, so a
 * block that a writer takes out is freed later.
 *
 * A point is a series' number, a time, and bytes that the table does not interpret.
 *
 *
 * | operation              | may run beside  | order                                          |
 * | memtable_put, _remove, | everything here | a lock for some of the series; what is written |
 * |   _sweep               |                 |   is published by release                      |
 * | memtable_scan          | everything here | acquire: a reader sees each point whole        |
 * | memtable_new, _end     | nothing         |                                                |
 */
#ifndef MEMTABLE_H
#define MEMTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sydra/alloc.h>

/* The calls by which a table gets its memory. */
struct memtable_memory {
  void *ctx;
  void *(*allocate) (void *ctx, size_t size);       /* may return NULL and set errno */
  void (*release) (void *ctx, void *block);         /* no reader can see the block */
  /*
   * Frees a block later, as readers inside may see it, though nobody can find it.  It may wait, but
   * must not fail.
   */
  void (*retire) (void *ctx, void *block);
  uint64_t (*enter) (void *ctx); /* a reader begins; its result is passed to leave */
  void (*leave) (void *ctx, uint64_t section);
};

/*
 * Takes all memory from a handle, and retires blocks by sydra_free_deferred.  Valid as long as the
 * handle.
 */
struct memtable_memory memtable_memory_of (struct sydra_alloc *a);

struct memtable;

/* Returns NULL and sets errno if there is no memory. */
struct memtable *memtable_new (const struct memtable_memory *memory);

/* Frees the table and all points.  No thread may be inside a call on it. */
void memtable_end (struct memtable *table);

/*
 * Sets a point, or replaces the one with the same series and time.  Returns 0, or ENOMEM with
 * nothing changed.  Must not be called inside a scan.
 */
int memtable_put (struct memtable *table, uint32_t series, int64_t time, const void *bytes,
                  size_t length);

/* Removes a point.  Returns whether it was there.  Must not be called inside a scan. */
bool memtable_remove (struct memtable *table, uint32_t series, int64_t time);

/*
 * Unlinks what removed points have left in the lists; memtable_remove does that now and then too.
 * Must not be called inside a scan.
 */
void memtable_sweep (struct memtable *table);

/* A point.  It is valid while it is visited. */
struct memtable_point {
  int64_t time;
  const void *bytes;
  size_t length;
};

/*
 * Visits the series' points from one time to another, both included, in order of time, until visit
 * returns false.  Returns how many it visited.  It may visit or miss a point that a writer sets or
 * removes meanwhile.
 */
size_t memtable_scan (struct memtable *table, uint32_t series, int64_t from, int64_t to,
                      bool (*visit) (void *ctx, const struct memtable_point *point), void *ctx);

#endif
