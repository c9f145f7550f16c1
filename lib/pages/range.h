/* SPDX-License-Identifier: MIT */
/*
 * range.h: the process's one range of memory, and the map of it: whose is a unit, and of which
 * class.
 *
 *   range  | unit of 64 KiB | unit | unit | ...          an arena (arena.h): it grows at its end
 *   map    | entry, 32 bits | ...                        owner: 24 bits, class: 8 bits
 *
 *   pointer is in the range  <=>  pointer - base < bytes mapped
 *   unit of a pointer         ==  (pointer - base) >> SY_UNIT_SHIFT
 *   class of a unit           ==  map[unit] ^ tag, if that is below SY_CLASSES; tag: owner << 8
 *
 * So one load and one comparison say whether a block is a handle's, and which class it is of.  A
 * unit that nobody uses has the entry 0.  A unit serves any class of any handle, or a part of a
 * large block; the book (runs.h) says which are free.
 *
 * | field     | written by                   | read by    | order                              |
 * | base, map,| once, before granules        | any thread | as granules                        |
 * | entries   |                              |            |                                    |
 * | granules  | under the lock; it only      | any thread | release.  Relaxed reads: a thread  |
 * |           | rises                        |            | with a block has it from the       |
 * |           |                              |            | thread that took it from the range |
 * | map[n]    | who has the unit, as the     | any thread | relaxed, for the same reason.  For |
 * |           | unit is taken and given back |            | any other pointer the old and the  |
 * |           |                              |            | new answer are both right          |
 * | growths   | under the lock               | any thread | relaxed: a hint                    |
 */
#ifndef SY_RANGE_H
#define SY_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "base/tuning.h"
#include "pages/runs.h"

/* The low bits of an entry, its kind: a class, or one of these. */
#define SY_TAG_SHIFT 8
#define SY_KINDS 64         /* what a kind is below */
#define SY_UNIT_LARGE 62u   /* a large block begins here */
#define SY_UNIT_INSIDE 63u  /* inside of a large block */

struct sy_range {
  uintptr_t base;      /* address of unit 0 */
  AO_t granules;       /* bytes that are mapped, in granules; 0: no range yet, and no pointer is
                          in it */
  unsigned int *map;   /* an entry for each unit */
  uintptr_t entries;   /* where in the map the entry of address 0 would be */
  AO_t growths;        /* how often the memory in use has grown by a share (tuning.h) */
} SY_APART;

extern struct sy_range sy_range SY_HIDDEN;

/* The book of the range.  Under the range's lock. */
extern struct sy_runs sy_range_runs SY_HIDDEN;

/* Opens the range, once for the process.  False: out of memory; a later call tries again. */
bool sy_range_open (void);

static inline bool
sy_range_has (const void *pointer)
{
  return ((uintptr_t) pointer - sy_range.base) >> SY_GRANULE_SHIFT < AO_load (&sy_range.granules);
}

/* The number of the unit that the pointer is in.  The pointer is in the range. */
static inline uint32_t
sy_range_unit_of (const void *pointer)
{
  return (uint32_t) (((uintptr_t) pointer - sy_range.base) >> SY_UNIT_SHIFT);
}

static inline char *
sy_range_address (uint32_t unit)
{
  return (char *) sy_range.base + ((size_t) unit << SY_UNIT_SHIFT);
}

/* The unit's entry in the book. */
static inline struct sy_unit *
sy_range_unit (uint32_t unit)
{
  return sy_unit_of (&sy_range_runs, unit);
}

/* The bytes of the run that begins at the unit. */
static inline size_t
sy_range_run_bytes (uint32_t first)
{
  return (size_t) sy_range_unit (first)->length << SY_UNIT_SHIFT;
}

/* The entry of a pointer in the map, less the tag: a class, SY_UNIT_LARGE, SY_UNIT_INSIDE, or
   more than these if the unit is not the owner's. */
static inline unsigned
sy_range_kind (unsigned tag, const void *pointer)
{
  return sy_range_has (pointer) ? AO_int_load (&sy_range.map[sy_range_unit_of (pointer)]) ^ tag
                                : UINT32_MAX;
}

/* Writes an entry for each of the units. */
void sy_range_mark (uint32_t unit, uint32_t count, unsigned entry);

/* Calls visit with the first unit of each slab and of each large block that has the tag. */
void sy_range_each (unsigned tag, void (*visit) (void *ctx, uint32_t unit, unsigned kind),
                    void *ctx);

/* ---- Under the lock ---- */

/* Makes room for `count` units behind the book's edge.  False: the room or the memory is used up.
   */
bool sy_range_grow (uint32_t count);

/* Bytes that are mapped, without those of others that the edge has jumped over; any thread may
   ask. */
size_t sy_range_bytes (void);

extern struct sy_lock sy_range_lock;

#endif
