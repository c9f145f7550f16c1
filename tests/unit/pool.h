/* SPDX-License-Identifier: MIT */
/* pool.h: a pool of a test's own, and what is carved from it. */
#ifndef SY_TEST_POOL_H
#define SY_TEST_POOL_H

#include <check.h>
#include <string.h>

#include "pool/reap.h"

#define TAG (1u << SY_TAG_SHIFT)  /* the pool's; another pool of a test has another one */

static struct sy_pool pool;
static _Thread_local bool zeroed;  /* what it says is asked in tests of its own */

static inline void
open_pool (unsigned shards)
{
  memset (&pool, 0, sizeof pool);
  ck_assert (sy_pool_open (&pool, shards, TAG));
}

static inline struct sy_bin *
bin (unsigned shard, unsigned class)
{
  return &pool.shards[shard].bin[class];
}

/* How many units there are for which the map has an entry. */
static inline uint32_t
units_in_map (void)
{
  return (uint32_t) (sy_range_bytes () >> SY_UNIT_SHIFT);
}

static inline unsigned
map_entry (uint32_t unit)
{
  return AO_int_load (&sy_range.map[unit]);
}

/* How many slabs of the class the map says the pool has. */
static inline unsigned
slabs_in_map (unsigned class)
{
  uint32_t units = 0;

  for (uint32_t unit = 0; unit < units_in_map (); unit++)
    units += map_entry (unit) == (TAG ^ class);
  ck_assert_uint_eq (units % sy_size_classes[class].units, 0);
  return units / sy_size_classes[class].units;
}

static inline unsigned long
slabs_in (unsigned class)
{
  unsigned long slabs = 0;

  for (unsigned shard = 0; shard < pool.shard_count; shard++)
    slabs += AO_load (&bin (shard, class)->slabs);
  return slabs;
}

/* Every slab of the pool has left it, and the books say so. */
static inline void
must_be_empty (void)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned shard = 0; shard < pool.shard_count; shard++)
      {
        ck_assert_uint_eq (AO_load (&bin (shard, class)->slabs), 0);
        ck_assert_uint_eq (AO_load (&bin (shard, class)->free_blocks), 0);
        for (unsigned depot = 0; depot < SY_BIN_DEPOTS; depot++)
          ck_assert_uint_eq (sy_depot_depth (&bin (shard, class)->depot[depot].depot), 0);
      }
  for (uint32_t unit = 0; unit < units_in_map (); unit++)
    ck_assert_uint_ge (map_entry (unit) ^ TAG, 1u << SY_TAG_SHIFT);
  ck_assert (sy_pool_is_valid (&pool));
  ck_assert (sy_units_are_valid ());
}

/* Exactly count blocks at blocks[0..], carved piece by piece. */
static inline void
carve (unsigned home, unsigned class, unsigned count, void **blocks)
{
  while (count != 0)
    {
      unsigned taken = sy_pool_carve (&pool, home, class, count, blocks + count, &zeroed);

      ck_assert_uint_gt (taken, 0);
      ck_assert_uint_le (taken, count);
      count -= taken;
    }
}

/* As a miss does that finds no blocks in slabs. */
static inline struct sy_magazine *
take_magazine (struct sy_pool *from, unsigned home, unsigned class)
{
  struct sy_magazine *magazine = sy_pool_take_magazine (from, home, class);

  return magazine != NULL ? magazine : sy_pool_take_spare (from, home, class);
}

static inline struct sy_magazine *
full_magazine (unsigned home, unsigned class, unsigned rounds)
{
  struct sy_magazine *magazine = sy_magazine_take ();

  ck_assert_ptr_nonnull (magazine);
  (void) sy_magazine_clear (magazine, rounds);
  carve (home, class, rounds, sy_magazine_end (magazine) - rounds);
  return magazine;
}

#endif
