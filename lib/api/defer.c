/* SPDX-License-Identifier: MIT */
/* defer.c: the public calls on sections and deferred frees. */
#include <config.h>

#include "api/defer.h"

#include <errno.h>

#include "api/backend.h"
#include "api/waiting.h"
#include "base/bug.h"
#include "base/compiler.h"
#include "base/os.h"
#include "pool/reap.h"
#include "thread/hits.h"
#include "thread/magazines.h"
#include "thread/miss.h"

/* ---- A handle's domain ---- */

/* Frees each block by itself, for bags of the heap's blocks, and in debug builds, which look at
   each. */
static void
free_one_by_one (struct sydra_alloc *a, struct sy_magazine *bag)
{
  for (unsigned at = 1; at <= bag->rounds; at++)
    {
      void *block = sy_magazine_end (bag)[-(int) at];

      if (SY_DEBUG)
        sy_waiting_remove (block);
      sydra_free (a, block);
    }
  sy_magazine_give (bag);
}

/* How the domain frees a bag. */
static void
free_bag (void *ctx, struct sy_magazine *bag)
{
  struct sydra_alloc *a = ctx;
  unsigned class = sy_bag_note (bag)->class;

  if (class == SY_CLASS_HEAP || SY_DEBUG)
    free_one_by_one (a, bag);
  else
    sy_miss_free_magazine (a, sy_cache_find (a, "sydra_collect"), class, bag);
}

void
sy_defer_open (struct sydra_alloc *a, size_t max_bytes)
{
  sy_domain_open (&a->domain, max_bytes, free_bag, a);
}

/* ---- Sections ---- */

/* Sections of all handles that the thread entered without a record and has not left.  It may have
   got a record since. */
static __thread unsigned shared_sections __attribute__ ((tls_model (SY_TLS_MODEL)));

/* Another handle than the last one, or no cache. */
static uint64_t SY_NOINLINE
enter_slow (struct sydra_alloc *a)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_epoch_enter");

  if (cache != NULL)
    return sy_epoch_number (sy_reader_enter (&cache->participant.reader, &a->domain.limbo.epoch));
  shared_sections++;
  return sy_epoch_number (sy_domain_enter (&a->domain));
}

SY_EXPORT uint64_t
sydra_epoch_enter (struct sydra_alloc *a)
{
  struct sy_cache *cache = sy_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a)))
    return enter_slow (a);
  return sy_epoch_number (sy_reader_enter (&cache->participant.reader, &a->domain.limbo.epoch));
}

/* As enter_slow, or misuse. */
static void SY_NOINLINE
leave_slow (struct sydra_alloc *a, uint64_t observed)
{
  struct sy_cache *cache = sy_cache_find (a, "sydra_epoch_leave");

  if (cache != NULL && sy_reader_leave (&cache->participant.reader, observed))
    return;
  if (shared_sections != 0 && sy_domain_leave (&a->domain, observed))
    shared_sections--;
  else
    sy_bug ("sydra_epoch_leave", a, "the thread is in no section that was entered with this value");
}

SY_EXPORT void
sydra_epoch_leave (struct sydra_alloc *a, uint64_t observed)
{
  struct sy_cache *cache = sy_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a)
                   || !sy_reader_leave (&cache->participant.reader, observed)))
    leave_slow (a, observed);
}

SY_EXPORT uint64_t
sydra_epoch_advance (struct sydra_alloc *a)
{
  sy_handle_check (a, "sydra_epoch_advance");
  return sy_epoch_number (sy_epoch_advance (&a->domain.limbo.epoch) + 2);
}

SY_EXPORT int
sydra_epoch_synchronize (struct sydra_alloc *a)
{
  struct sy_cache *cache = sy_cache_find (a, "sydra_epoch_synchronize");

  if ((cache != NULL && AO_load (&cache->participant.reader.epoch) != 0)
      || (shared_sections != 0 && sy_domain_has_anonymous_readers (&a->domain)))
    return EDEADLK;
  return sy_domain_synchronize (&a->domain) ? 0 : EAGAIN;
}

/* ---- Deferred frees ---- */

static int
report_stall (struct sydra_alloc *a, const struct sy_scan *scan)
{
  struct sydra_stall stall = { .size = sizeof stall };

  sy_shared_add (&a->domain.limbo.stalls, 1);
  if (a->on_stall == NULL)
    return EAGAIN;
  stall.thread_id = sy_os_thread_id (&scan->oldest.thread);
  if (stall.thread_id != 0)
    sy_os_thread_name (stall.thread_id, stall.thread_name, sizeof stall.thread_name);
  stall.epoch = sy_epoch_number (scan->oldest.epoch);
  stall.inside_ns = sy_os_now_ns () - scan->oldest.since_ns;
  stall.deferred_bytes = AO_load (&a->domain.limbo.bytes) + scan->bag_bytes;
  a->on_stall (a->on_stall_ctx, &stall);
  return EAGAIN;
}

/*
 * The limit is reached, and everything that may go has gone.  The block was unlinked before this
 * call.  So if every reader inside entered after the call, none can see it, and it is freed at
 * once.
 */
static int
defer_over_limit (struct sydra_alloc *a, void *block, const struct sy_scan *scan)
{
  if (scan->oldest.epoch != 0 && !sy_epoch_before (scan->over, scan->oldest.epoch))
    return report_stall (a, scan);
  if (SY_DEBUG)
    sy_waiting_remove (block);
  sydra_free (a, block);
  sy_shared_add (&a->domain.limbo.reclaimed, 1);
  return 0;
}

/* A reader that was found inside only just now may be about to leave. */
static bool
is_worth_a_wait (const struct sy_scan *scan)
{
  return scan->oldest.epoch != 0 && sy_os_now_ns () - scan->oldest.since_ns < SY_LIMBO_WAIT_NS;
}

/* Empties magazines, so that one may become a bag: this thread's, and those in depots. */
static void
free_magazines (struct sydra_alloc *a)
{
  struct sy_cache *cache = sy_cache_find (a, "sydra_free_deferred");

  if (cache != NULL)
    sy_cache_flush (cache);
  sy_reap_drain (&a->pool);
}

/*
 * There is no memory for a bag, or the limit is reached: reclaims, and tries again while that may
 * help.  *scan is what the last reclaim found.  False: it could not find out.
 */
static bool
defer_again (struct sydra_alloc *a, struct sy_participant *own,
             const struct sy_deferred *deferred, enum sy_deferral *result, struct sy_scan *scan)
{
  struct sy_domain *domain = &a->domain;

  for (unsigned round = 0;
       *result == SY_DEFER_OVER_LIMIT || (*result == SY_DEFER_NO_MEMORY && round == 0); round++)
    {
      if (!sy_domain_reclaim_all (domain, own, scan))
        return false;
      if (*result == SY_DEFER_NO_MEMORY)
        free_magazines (a);
      if (round == SY_LIMBO_TRIES || (round != 0 && !is_worth_a_wait (scan)))
        break;
      if (round != 0)
        sy_os_pause (0);
      *result = sy_domain_defer (domain, own, deferred);
    }
  return true;
}

static int
defer (struct sydra_alloc *a, struct sy_participant *own, const struct sy_deferred *deferred)
{
  enum sy_deferral result = sy_domain_defer (&a->domain, own, deferred);
  struct sy_scan scan;

  if (SY_UNLIKELY (result >= SY_DEFER_NO_MEMORY)
      && !defer_again (a, own, deferred, &result, &scan))
    return result == SY_DEFER_NO_MEMORY ? ENOMEM : EAGAIN;
  switch (result)
    {
    case SY_DEFER_OVER_LIMIT: return defer_over_limit (a, deferred->block, &scan);
    case SY_DEFER_NO_MEMORY: return ENOMEM;
    case SY_DEFERRED_SCAN_IS_DUE: sy_domain_reclaim (&a->domain, own); return 0;
    default: return 0;
    }
}

/* Any block, any state of the thread. */
static int SY_NOINLINE
free_deferred_slow (struct sydra_alloc *a, void *block)
{
  struct sy_deferred deferred = { .block = block };

  sy_handle_check_fast (a, "sydra_free_deferred");
  if (block == NULL)
    return 0;

  struct sy_cache *cache = sy_cache_earn (a, "sydra_free_deferred");
  int saved = errno, error;

  deferred.class = sy_backend_class_of (a, block, "sydra_free_deferred", &deferred.bytes);
  if (SY_DEBUG)
    sy_waiting_add (block);
  error = defer (a, sy_cache_participant (cache), &deferred);
  if (SY_DEBUG && error != 0)
    sy_waiting_remove (block);
  errno = saved;
  return error;
}

/* A block of the pool's, into a bag that has been begun and stays open. */
static inline bool
defer_hit (struct sy_cache *cache, void *block)
{
  size_t class;

  if (SY_UNLIKELY (!sy_cache_class_of (cache, block, &class)))
    return false;

  struct sy_bags *bags = &cache->participant.bags;
  bool hit = SY_LIKELY (sy_bags_begin (bags)) && sy_bags_push_fast (bags, (unsigned) class, block);

  sy_bags_end (bags);
  return hit;
}

SY_EXPORT int
sydra_free_deferred (struct sydra_alloc *a, void *block)
{
  struct sy_cache *cache = sy_cache_last;

  if (SY_LIKELY (sy_holds (&cache->owner, (AO_t) a) && !SY_DEBUG && defer_hit (cache, block)))
    return 0;
  return free_deferred_slow (a, block);
}

SY_EXPORT size_t
sydra_collect (struct sydra_alloc *a)
{
  struct sy_scan scan;

  sy_handle_check (a, "sydra_collect");
  (void) sy_domain_reclaim_all (&a->domain,
                                sy_cache_participant (sy_cache_find (a, "sydra_collect")), &scan);
  return sy_backend_collect (a);
}
