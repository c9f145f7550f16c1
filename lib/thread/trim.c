/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/trim.h"

#include "base/bug.h"
#include "base/os.h"
#include "pages/dirty.h"
#include "pool/reap.h"
#include "thread/magazines.h"

/* The thread's mallocs and frees of the class since this was last asked. */
static AO_t
calls_since_last (struct sy_cache *cache, unsigned class)
{
  const struct sy_counts *counts = &cache->books.counts;
  AO_t calls = AO_load (&counts->allocations[class]) + AO_load (&counts->frees[class])
               + sy_counts_hits (cache, class).frees;
  AO_t since = calls - cache->last_calls[class];

  cache->last_calls[class] = calls;
  return since;
}

/* Do slabs of the class have so many free blocks that those in the thread's magazines may be
   what holds whole slabs back? */
static bool
holds_slabs (const struct sydra_alloc *a, const struct sy_cache *cache, unsigned class)
{
  const struct sy_bin *bin = sy_pool_bin (&a->pool, sy_home_shard (cache->home), class);

  /* Relaxed: a guess. */
  return AO_load (&bin->free_blocks) >= SY_HOLD_MAGAZINES * (AO_t) cache->capacity[class];
}

/*
 * Flushes the class where the thread called for fewer of its blocks than a magazine holds or, as
 * memory has grown, where its magazines may hold whole slabs back.  False: it is used, and keeps
 * its magazines.
 */
static bool
trim_class (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, bool has_grown)
{
  if (cache->capacity[class] == 0)
    return true;
  if (calls_since_last (cache, class) >= cache->capacity[class]
      && !(has_grown && holds_slabs (a, cache, class)))
    return false;
  sy_cache_flush_class (a, cache, class);
  return true;
}

/* The class is used and had no miss for so long that smaller magazines would do.  The next miss,
   which comes of this, does not make them larger again. */
static void
halve_class (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  unsigned first = sy_cache_first_capacity (class), half = cache->capacity[class] / 2;

  if (cache->capacity[class] <= first)
    return;
  sy_cache_flush_class (a, cache, class);
  sy_cache_set_capacity (cache, class, half > first ? half : first);
  cache->halved |= UINT64_C (1) << class;
}

/* The class of the miss keeps its magazines, and its next ones are small again.  Any other class
   is flushed. */
static void
begin_anew (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, bool is_missed)
{
  if (is_missed)
    sy_cache_set_capacity (cache, class, sy_cache_first_capacity (class));
  else
    sy_cache_flush_class (a, cache, class);
}

/* Where more threads have come: the largest of the classes that have grown begin anew, until the
   thread is within its share. */
static void
come_down (struct sydra_alloc *a, struct sy_cache *cache, unsigned missed)
{
  /* Relaxed: a bound for what comes, and for what stays. */
  if (AO_load (&a->domain.participants) <= cache->last_participants)
    return;
  for (unsigned class = SY_CLASSES - 1; class > 0 && !sy_cache_has_budget (a, cache, 0); class--)
    if (cache->capacity[class] > sy_cache_first_capacity (class))
      begin_anew (a, cache, class, class == missed);
}

/*
 * All classes but that of the miss.  Where memory has grown since the last trim, also what lay in
 * the shard's depots goes, so that whole slabs get free: a few blocks of each slab, freed last, are
 * enough to hold it back.
 */
static void SY_NOINLINE
trim_all (struct sydra_alloc *a, struct sy_cache *cache, unsigned missed, uint64_t now_ns,
          bool by_clock)
{
  AO_t growths = AO_load (&sy_range.growths);
  bool has_grown = cache->last_growths != growths;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (class != missed && !trim_class (a, cache, class, has_grown) && by_clock
        && (cache->missed >> class & 1) == 0)
      halve_class (a, cache, class);
  cache->missed = 0;
  come_down (a, cache, missed);
  if (has_grown)
    sy_reap_shed (&a->pool, sy_home_shard (cache->home), growths);
  cache->last_growths = growths;
  cache->last_trim_ns = now_ns;
}

/* A class wants more budget than there is: the next of the others gives up its own, if it was idle
   since its last turn. */
static void SY_NOINLINE
trim_next (struct sydra_alloc *a, struct sy_cache *cache, unsigned missed)
{
  cache->wants_budget = false;
  cache->hand = 1 + cache->hand % (SY_CLASSES - 1);
  if (cache->hand != missed)
    (void) trim_class (a, cache, cache->hand, false);
}

/*
 * Asked where something is due by the clock.  False in a fork's child for SY_REAP_NS from the first
 * time on: most children have ended by then, and each page that giving back touches must be copied.
 */
static bool
may_give_back (struct sy_cache *cache, uint64_t now_ns)
{
  if (now_ns >= cache->quiet_until_ns && cache->process_id != sy_os_process_id ())
    {
      cache->process_id = sy_os_process_id ();
      cache->quiet_until_ns = now_ns + SY_REAP_NS;
      cache->last_trim_ns = now_ns;
    }
  return now_ns >= cache->quiet_until_ns;
}

/* One step a call at the most: what else is due follows at the next ones. */
static void
reap_one_step (struct sydra_alloc *a, struct sy_cache *cache, uint64_t now_ns)
{
  bool reap = sy_reap_is_due (&a->pool, now_ns);

  if ((!reap && !sy_dirty_purge_is_due (now_ns))
      || (cache != NULL && !may_give_back (cache, now_ns)))
    return;
  if (reap)
    sy_reap_step (&a->pool, now_ns);
  else
    sy_dirty_purge_step (now_ns);
}

/* Has something begun that gives memory back, and goes on at the next call? */
static bool
is_giving_back (const struct sydra_alloc *a)
{
  return sy_purge_timer_is_under_way (&a->pool.reaping.timer) || sy_dirty_purge_is_under_way ();
}

void
sy_cache_trim (struct sydra_alloc *a, struct sy_cache *cache, unsigned missed)
{
  uint64_t now_ns = sy_os_coarse_ns ();
  bool by_clock;

  reap_one_step (a, cache, now_ns);
  if (cache == NULL)
    return;
  cache->missed |= UINT64_C (1) << missed;
  cache->hits_left = is_giving_back (a) && now_ns >= cache->quiet_until_ns ? 0 : SY_TRIM_HITS;
  if (SY_DEBUG && !sy_cache_is_valid (cache))
    sy_bug ("trim", cache, "a thread's budget or next blocks are not what its classes have");
  by_clock = now_ns - cache->last_trim_ns >= SY_REAP_NS && may_give_back (cache, now_ns);
  if (SY_UNLIKELY (by_clock || cache->last_growths != AO_load (&sy_range.growths)))
    trim_all (a, cache, missed, now_ns, by_clock);
  else if (SY_UNLIKELY (cache->wants_budget))
    trim_next (a, cache, missed);
}
