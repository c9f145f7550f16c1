/* SPDX-License-Identifier: MIT */
/* stats.c: the snapshot: the threads' counters added up, and what the bins know. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "api/backend.h"
#include "base/compiler.h"
#include "base/os.h"
#include "pages/dirty.h"
#include "thread/counts.h"

/* Of counts that were read while threads ran, the second may be ahead of the first. */
static uint64_t
at_least_0 (uint64_t count, uint64_t less)
{
  return count > less ? count - less : 0;
}

static void
add_bin (struct sydra_class_stats *out, const struct sy_bin *bin)
{
  out->slabs += AO_load (&bin->slabs);
  out->lock_acquisitions += AO_load (&bin->lock.acquisitions);
  out->lock_contention += AO_load (&bin->lock.contention);
  out->lock_wait_ns += AO_load (&bin->lock.wait_ns);
  out->lock_hold_ns += AO_load (&bin->lock.hold_ns);
}

static void
fill_class (struct sydra_stats *stats, const struct sydra_alloc *a, const struct sy_totals *totals,
            unsigned class)
{
  struct sydra_class_stats *out = &stats->classes[class - 1];

  out->size = sy_size_classes[class].bytes;
  out->allocations = totals->counts.allocations[class];
  out->frees = totals->counts.frees[class];
  out->refills = totals->counts.refills[class];
  out->in_use = at_least_0 (out->allocations, out->frees);
  out->high_water = totals->high[class];
  for (unsigned shard = 0; shard < a->pool.shard_count; shard++)
    add_bin (out, &a->pool.shards[shard].bin[class]);
  stats->committed_bytes += out->slabs * sy_class_slab_bytes (class);
  out->free_blocks = at_least_0 (out->slabs * sy_size_classes[class].blocks, out->in_use);
  stats->shard_hits += out->allocations;
  stats->allocations += out->allocations;
  stats->frees += out->frees;
}

static void
fill_deferred (struct sydra_stats *stats, struct sydra_alloc *a)
{
  struct sy_limbo *limbo = &a->domain.limbo;
  struct sy_scan scan;
  uint64_t now_ns = sy_os_now_ns (), since_ns = sy_limbo_since_ns (limbo);

  sy_domain_scan (&a->domain, AO_load (&limbo->epoch.now) - 2, &scan);
  stats->deferred_blocks = AO_load (&limbo->blocks) + scan.bag_blocks;
  stats->deferred_bytes = AO_load (&limbo->bytes) + scan.bag_bytes;
  sy_limbo_note_bytes (limbo, stats->deferred_bytes);
  stats->deferred_high_water_bytes = AO_load (&limbo->high_bytes);
  stats->epoch_current = sy_epoch_number (AO_load (&limbo->epoch.now));
  stats->epoch_min = scan.oldest.epoch == 0 ? stats->epoch_current
                                            : sy_epoch_number (scan.oldest.epoch);
  stats->epoch_advances = (AO_t) (AO_load (&limbo->epoch.now) - SY_EPOCH_FIRST) / 2;
  stats->epoch_barrier = sy_epoch_is_light ? "membarrier" : "fence";
  stats->deferred_reclaimed = AO_load (&limbo->reclaimed);
  stats->deferred_stalls = AO_load (&limbo->stalls);
  if (scan.since_us != 0 && (since_ns == 0 || scan.since_us * 1000 < since_ns))
    since_ns = scan.since_us * 1000;
  stats->deferred_oldest_ns = since_ns == 0 || since_ns > now_ns ? 0 : now_ns - since_ns;
}

static void
fill (struct sydra_stats *stats, struct sydra_alloc *a)
{
  struct sy_totals totals;
  const struct sy_counts *counts = &totals.counts;

  sy_counts_totals (a, &totals);
  stats->mode = sydra_alloc_mode ();
  stats->shards = sydra_alloc_shards ();
  stats->allocations = counts->allocations[SY_CLASS_HEAP];
  stats->frees = counts->frees[SY_CLASS_HEAP];
  if (sy_backend_has_pool)
    {
      stats->class_count = SY_CLASSES - 1;
      for (unsigned class = 1; class < SY_CLASSES; class++)
        fill_class (stats, a, &totals, class);
      stats->shard_misses = counts->shard_misses;
      stats->cross_shard_frees = AO_load (&a->pool.cross_frees);
      stats->fallback_allocs = counts->allocations[SY_CLASS_HEAP];
      stats->fallback_frees = counts->frees[SY_CLASS_HEAP];
      stats->fallback_resizes = counts->fallback_resizes;
      stats->fallback_remaps = counts->fallback_remaps;
      for (unsigned bucket = 0; bucket < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
        stats->fallback_sizes[bucket] = counts->fallback_sizes[bucket];
      stats->reserved_bytes = sy_range_bytes ();
      stats->committed_bytes += sy_dirty_bytes ();
      stats->fallback_heap_allocs = counts->fallback_heap;
    }
  fill_deferred (stats, a);
  stats->in_use = at_least_0 (stats->allocations, stats->frees);
  stats->in_use_bytes = totals.live_bytes > SIZE_MAX / 2 ? 0 : totals.live_bytes;
  stats->high_water_bytes = totals.high_bytes;
}

/* For callers of another version, whose struct is shorter. */
static void SY_NOINLINE
fill_part (struct sydra_stats *stats, size_t size, struct sydra_alloc *a)
{
  struct sydra_stats all;

  memset (&all, 0, sizeof all);
  fill (&all, a);
  memcpy (stats, &all, size);
}

SY_EXPORT int
sydra_stats_get (struct sydra_alloc *a, struct sydra_stats *stats)
{
  const size_t least = offsetof (struct sydra_stats, in_use_bytes) + sizeof stats->in_use_bytes;
  size_t size;

  sy_handle_check (a, "sydra_stats_get");
  size = stats->size < sizeof *stats ? stats->size : sizeof *stats;
  if (size < least)
    return EINVAL;
  if (size < sizeof *stats)
    fill_part (stats, size, a);
  else
    {
      memset (stats, 0, size);
      fill (stats, a);
    }
  stats->size = size;
  return 0;
}
