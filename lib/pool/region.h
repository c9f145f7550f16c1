/* SPDX-License-Identifier: MIT */
/*
 * region.h: the process's one reserved range of addresses, handed out in slabs, and what is known of each slab.
 *
 * "Is this pointer ours?" is one subtract and compare.  The range is cut into units of 64 KiB and into zones of equal size, one a size class in
 * the order of their numbers (zone 0 stays empty), and a class's slabs lie in its zone: a block's class is a shift of its address, with no
 * load in between.  A slab is as many units long as its class says, and its number is its first unit's.
 *
 * A slab is fresh (never used), in use by a pool, spare (free, its pages still there) or clean (free, its pages given back, or moved to a slab
 * of another class).  The lists are under the lock; what else is in sy_region is written once, before any slab is out.
 *
 * Invariant, for each zone: fresh + in use + spare + clean == the number of its slabs.
 */
#ifndef SY_REGION_H
#define SY_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "pool/slab.h"

struct sy_region {
  char *base;                  /* of unit 0, aligned to SY_UNIT_BYTES */
  size_t bytes;                /* of the range; 0 until it is open: it owns nothing then */
  unsigned zone_shift;         /* a unit's number >> zone_shift is its class */
  uint32_t skew_mask;          /* at most so many units, a power of two less one, stay unused at a zone's start */
  struct sy_slab *near;        /* of each zone's first SY_NEAR_UNITS units: all classes' first ones, all second ones ... */
  struct sy_slab *far;         /* of the others: one a unit, in their order */
  AO_t growths;                /* how often the units with memory have grown by a share; written under the lock, read by anyone: a hint */
};

extern struct sy_region sy_region;

/* Reserves the range, once for the process.  False: no memory; a later call tries again. */
bool sy_region_open (void);

static inline bool
sy_region_has (const void *pointer)
{
  return (uintptr_t) pointer - (uintptr_t) sy_region.base < sy_region.bytes;
}

/* pointer is in the range. */
static inline uint32_t
sy_region_unit_of (const void *pointer)
{
  return (uint32_t) (((uintptr_t) pointer - (uintptr_t) sy_region.base) >> SY_UNIT_SHIFT);
}

/* The slab that the pointer, which is in the range, lies in if there is one. */
static inline uint32_t
sy_region_slab_of (const void *pointer)
{
  uint32_t unit = sy_region_unit_of (pointer);

  /* Zones start at multiples of the longest slab, and what is skipped there is a multiple of the class's. */
  return unit & (uint32_t) -(int32_t) sy_size_classes[unit >> sy_region.zone_shift].units;
}

static inline unsigned
sy_slab_class (uint32_t slab)
{
  return slab >> sy_region.zone_shift;
}

/* The class's first unit that is used, at a multiple of its slabs' length. */
static inline uint32_t
sy_zone_first (unsigned class)
{
  uint32_t skew = class * SY_ZONE_SKEW & sy_region.skew_mask & (uint32_t) -(int32_t) sy_size_classes[class].units;

  return ((uint32_t) class << sy_region.zone_shift) + skew;
}

/*
 * What is known of a slab that was ever used: in its first unit's entry.  Most programs need but a few slabs of each class, and find all of
 * these entries in a few pages.
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

/* The units of a class that were ever used are numbered from first on; returns how many they are. */
uint32_t sy_region_used (unsigned class, uint32_t *first);

/* Was the slab ever used?  Then its entry of slabs can be read. */
bool sy_region_is_used (uint32_t slab);

/* A slab for the class: spare, clean or fresh.  SY_SLAB_NONE: out of range or of memory. */
uint32_t sy_region_take (unsigned class);

/* Gives back slabs with no block in use, count of them, chained by next from first.  Their pages stay for a while. */
void sy_region_give (uint32_t first, unsigned count);

/* Gives back to the system the pages of spare slabs that no one took for SY_REAP_NS; some at a time. */
bool sy_region_reap_is_due (uint64_t now_ns);
void sy_region_reap (uint64_t now_ns);

/* Gives the pages of all spare slabs back; how many bytes that were. */
size_t sy_region_trim (void);

/* Bytes of slabs whose pages are kept for nobody. */
size_t sy_region_spare_bytes (void);

/* For fork. */
struct sy_lock *sy_region_lock (void);

#endif
