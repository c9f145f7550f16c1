/* SPDX-License-Identifier: MIT */
/*
 * region.h: the process's one reserved range of addresses, and the state of each slab in it.
 *
 *   range  | zone 0 (empty) | zone 1: class 1 | zone 2: class 2 | ... | zone 45: class 45 |
 *   zone   | skipped units | slab | slab | slab | fresh units ...                         |
 *   slab   | unit of 64 KiB | unit | ...    1, 2, 4 or 8 units, as its class says
 *
 *   pointer is in the range  <=>  pointer - base < bytes
 *   unit of a pointer         ==  (pointer - base) >> SY_UNIT_SHIFT
 *   class of a unit           ==  unit >> zone_shift
 *   number of a slab          ==  number of its first unit
 *
 * A slab is fresh (never used), in use by a pool, dirty (free, and its pages still have memory), or
 * clean (free, and its pages went back to the system or to a slab of another class).
 *
 *   for each zone:  fresh + in use + dirty + clean == slabs of the zone        under the lock
 *
 * The lock guards the lists of dirty and clean slabs.  All fields of sy_region but `growths` are
 * written once, before the first slab is handed out.
 */
#ifndef SY_REGION_H
#define SY_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "pool/slab.h"

struct sy_region {
  char *base;                  /* address of unit 0, aligned to SY_UNIT_BYTES */
  size_t bytes;                /* of the range; 0 until it is open, so that no pointer is in it */
  unsigned zone_shift;         /* a unit's number >> zone_shift is its class */
  uint32_t skew_mask;          /* most units skipped at a zone's start: a power of two less one */
  struct sy_slab *near;        /* states of each zone's first SY_NEAR_UNITS units; see sy_slab_at */
  struct sy_slab *far;         /* states of all other units, one a unit, by the unit's number */
  AO_t growths;                /* how often the memory of all slabs has grown by a share (tuning.h);
                                  written under the lock, read by any thread as a hint */
};

extern struct sy_region sy_region;

/* Reserves the range, once for the process.  False: out of memory; a later call tries again. */
bool sy_region_open (void);

static inline bool
sy_region_has (const void *pointer)
{
  return (uintptr_t) pointer - (uintptr_t) sy_region.base < sy_region.bytes;
}

/* The number of the unit that the pointer is in.  The pointer is in the range. */
static inline uint32_t
sy_region_unit_of (const void *pointer)
{
  return (uint32_t) (((uintptr_t) pointer - (uintptr_t) sy_region.base) >> SY_UNIT_SHIFT);
}

/* The number of the slab that the pointer would be in.  The pointer is in the range. */
static inline uint32_t
sy_region_slab_of (const void *pointer)
{
  uint32_t unit = sy_region_unit_of (pointer);

  /* Zones start at multiples of the longest slab, and the units skipped there are a multiple of the
     class's slab length.  So slabs lie at multiples of their length. */
  return unit & (uint32_t) -(int32_t) sy_size_classes[unit >> sy_region.zone_shift].units;
}

static inline unsigned
sy_slab_class (uint32_t slab)
{
  return slab >> sy_region.zone_shift;
}

/* The first unit of the class's first slab, a multiple of the slabs' length. */
static inline uint32_t
sy_zone_first (unsigned class)
{
  uint32_t skew = class * SY_ZONE_SKEW & sy_region.skew_mask
                  & (uint32_t) -(int32_t) sy_size_classes[class].units;

  return ((uint32_t) class << sy_region.zone_shift) + skew;
}

/*
 * The state of a slab that was ever used; it is in the entry of the slab's first unit.
 *
 *   near   | unit 0 of class 0, 1, ... 45 | unit 1 of class 0, 1, ... 45 | ... | unit 7 of ... |
 *   far    | unit 0 of the range | unit 1 | ...
 *
 * Most programs need only a few slabs of each class.  Their entries are all in `near`, in few
 * pages.
 */
static inline struct sy_slab *
sy_slab_at (uint32_t slab)
{
  unsigned class = sy_slab_class (slab);
  uint32_t unit = slab - sy_zone_first (class);

  return unit < SY_NEAR_UNITS ? &sy_region.near[unit * SY_CLASSES + class] : &sy_region.far[slab];
}

static inline char *
sy_region_address (uint32_t slab)
{
  return sy_region.base + ((size_t) slab << SY_UNIT_SHIFT);
}

static inline uint32_t
sy_region_unit_count (void)
{
  return (uint32_t) (sy_region.bytes >> SY_UNIT_SHIFT);
}

/* Sets *first to the class's first unit, and returns how many units from there on were ever
   used. */
uint32_t sy_region_used (unsigned class, uint32_t *first);

/* Was the slab ever used?  If so, its state can be read. */
bool sy_region_is_used (uint32_t slab);

/*
 * Takes a slab for the class: a dirty one, else a clean one, else a fresh one.  SY_SLAB_NONE: the
 * zone or the memory is used up.
 */
uint32_t sy_region_take (unsigned class);

/*
 * Gives back `count` slabs without a block in use.  They are chained by their `next`, from first
 * on. They become dirty: their pages stay for a while.
 */
void sy_region_give (uint32_t first, unsigned count);

/* Does one step of giving back the pages of dirty slabs that nobody took for SY_REAP_NS
   (purge_timer.h). */
bool sy_region_reap_is_due (uint64_t now_ns);
void sy_region_reap (uint64_t now_ns);

/* Gives the pages of all dirty slabs back to the system.  Returns how many bytes. */
size_t sy_region_purge (void);

/* Bytes of all dirty slabs. */
size_t sy_region_dirty_bytes (void);

/* The region's lock; for fork. */
struct sy_lock *sy_region_lock (void);

#endif
