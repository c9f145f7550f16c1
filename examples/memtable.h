/* SPDX-License-Identifier: MIT */
/*
 * memtable.h: points of time series in memory, by series and time.  Readers take no lock: what a writer takes out is freed later.
 *
 * A point is a series' number, a time, and bytes that the table does not look into.
 *
 * | operation               | may run beside    | order                                                                  |
 * | memtable_put, _remove,  | everything here   | the lock of the series' stripe; what it writes is published by release |
 * |   _sweep                |                   |                                                                        |
 * | memtable_scan           | everything here   | acquire: a reader sees each point as it was written, whole             |
 * | memtable_new, _end      | nothing           |                                                                        |
 */
#ifndef MEMTABLE_H
#define MEMTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sydra/alloc.h>

/* What a table asks of its memory. */
struct memtable_memory {
  void *ctx;
  void *(*allocate) (void *ctx, size_t size);       /* NULL and errno */
  void (*release) (void *ctx, void *block);         /* no reader can see the block */
  void (*retire) (void *ctx, void *block);          /* nobody finds it any more, readers inside may see it; may wait, never fails */
  uint64_t (*enter) (void *ctx);                    /* a reader begins; returns what leave is given */
  void (*leave) (void *ctx, uint64_t section);
};

/* All of it from a handle, retired blocks by sydra_free_deferred.  Good for as long as the handle. */
struct memtable_memory memtable_memory_of (struct sydra_alloc *a);

struct memtable;

/* NULL and errno: there is no memory. */
struct memtable *memtable_new (const struct memtable_memory *memory);

/* Frees the table and all points.  No thread may be inside a call on it. */
void memtable_end (struct memtable *table);

/* Sets a point, in place of the one with the same series and time.  0, or ENOMEM and nothing changed.  Not from inside a scan. */
int memtable_put (struct memtable *table, uint32_t series, int64_t time, const void *bytes, size_t length);

/* Takes a point out.  Whether it was there.  Not from inside a scan. */
bool memtable_remove (struct memtable *table, uint32_t series, int64_t time);

/* Unlinks what removed points have left in the lists; memtable_remove does so now and then.  Not from inside a scan. */
void memtable_sweep (struct memtable *table);

/* A point, valid while it is being visited. */
struct memtable_point {
  int64_t time;
  const void *bytes;
  size_t length;
};

/*
 * Visits the series' points from one time to another, both included, in order of time, until visit returns false.  Returns how many it
 * visited.  Points that writers set or remove meanwhile may be among them or not.
 */
size_t memtable_scan (struct memtable *table, uint32_t series, int64_t from, int64_t to,
                      bool (*visit) (void *ctx, const struct memtable_point *point), void *ctx);

#endif
