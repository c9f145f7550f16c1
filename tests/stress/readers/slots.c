/* SPDX-License-Identifier: MIT */
/* slots.c: the handle, the slots and their blocks. */
#include <config.h>

#include <time.h>

#include "readers.h"

struct sydra_alloc *a;
struct block *slots[SLOTS];
bool stop;
uint64_t stale, reads, retired;

struct block *
make_block (uint64_t slot, uint64_t generation)
{
  struct block *block = sydra_malloc (a, sizeof *block);

  test_must (block != NULL, "out of memory");
  block->slot = slot;
  block->generation = generation;
  block->hash = hash_of (slot, generation);
  return block;
}

double
now (void)
{
  struct timespec at;

  clock_gettime (CLOCK_MONOTONIC, &at);
  return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

struct sydra_stats
stats_now (void)
{
  struct sydra_stats stats = { .size = sizeof stats };

  ck_assert_int_eq (sydra_stats_get (a, &stats), 0);
  return stats;
}

void
begin (AO_t first_epoch)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;

  options.max_deferred_bytes = DEFERRED_MAX;
  a = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (a);
  AO_store (&a->domain.limbo.epoch.now, first_epoch);
  late_stores_begin ();
  stop = false;
  stale = reads = retired = 0;
  for (uint64_t slot = 0; slot < SLOTS; slot++)
    slots[slot] = make_block (slot, 1);
}

void
finish (void)
{
  for (uint64_t slot = 0; slot < SLOTS; slot++)
    sydra_free (a, slots[slot]);
  (void) sydra_collect (a);
  if (!FINDS)
    {
      ck_assert_uint_eq (stats_now ().deferred_bytes, 0);
      ck_assert_uint_eq (stats_now ().in_use, 0);
      ck_assert_uint_eq (stats_now ().deferred_reclaimed, retired);
      ck_assert_uint_le (stats_now ().deferred_high_water_bytes, DEFERRED_MAX);
    }
  (void) sydra_alloc_destroy (a);
}
