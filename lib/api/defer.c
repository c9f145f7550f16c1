/* SPDX-License-Identifier: MIT */
/* defer.c: the public calls on reclamation. */
#include <config.h>

#include <errno.h>

#include "api/backend.h"
#include "api/reclaim.h"
#include "base/bug.h"
#include "base/compiler.h"
#include "base/os.h"
#include "sydra/alloc.h"

/* ---- Sections ---- */

/* How many sections, of all handles, the thread entered without a record of its own; it may have one when it leaves. */
static __thread unsigned shared_sections __attribute__ ((tls_model (SY_TLS_MODEL)));

/* Another handle than the last one, or no cache. */
static uint64_t SY_NOINLINE
enter_slow (struct sydra_alloc *a)
{
  struct sy_thread_cache *cache = sy_thread_cache_get (a, "sydra_epoch_enter");

  if (cache != NULL)
    return sy_epoch_number (sy_reader_enter (&cache->reader, &a->limbo.epoch));
  shared_sections++;
  return sy_epoch_number (sy_limbo_enter (&a->limbo));
}

SY_EXPORT uint64_t
sydra_epoch_enter (struct sydra_alloc *a)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a)))
    return enter_slow (a);
  return sy_epoch_number (sy_reader_enter (&cache->reader, &a->limbo.epoch));
}

/* As enter_slow, or misuse. */
static void SY_NOINLINE
leave_slow (struct sydra_alloc *a, uint64_t observed)
{
  struct sy_thread_cache *cache = sy_thread_cache_find (a, "sydra_epoch_leave");

  if (cache != NULL && sy_reader_leave (&cache->reader, observed))
    return;
  if (shared_sections != 0 && sy_limbo_leave (&a->limbo, observed))
    shared_sections--;
  else
    sy_bug ("sydra_epoch_leave", a, "the thread is in no section that was entered with this value");
}

SY_EXPORT void
sydra_epoch_leave (struct sydra_alloc *a, uint64_t observed)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a) || !sy_reader_leave (&cache->reader, observed)))
    leave_slow (a, observed);
}

SY_EXPORT uint64_t
sydra_epoch_advance (struct sydra_alloc *a)
{
  sy_handle_check (a, "sydra_epoch_advance");
  return sy_epoch_number (sy_epoch_advance (&a->limbo.epoch) + 2);
}

SY_EXPORT int
sydra_epoch_synchronize (struct sydra_alloc *a)
{
  struct sy_thread_cache *cache = sy_thread_cache_find (a, "sydra_epoch_synchronize");
  struct sy_readers readers;

  if ((cache != NULL && AO_load (&cache->reader.epoch) != 0) || (shared_sections != 0 && sy_limbo_has_readers (&a->limbo)))
    return EDEADLK;

  AO_t left = sy_epoch_advance (&a->limbo.epoch);

  if (!sy_epoch_barrier ())
    return EAGAIN;
  for (unsigned round = 0;; round++)
    {
      sy_thread_registry_readers (a, left, &readers);
      if (readers.oldest.epoch == 0 || sy_epoch_before (left, readers.oldest.epoch))
        return 0;
      sy_os_pause (round);
    }
}

/* ---- Deferred frees ---- */

static int
report_stall (struct sydra_alloc *a, const struct sy_readers *readers)
{
  struct sydra_stall stall = { .size = sizeof stall };

  sy_shared_add (&a->limbo.stalls, 1);
  if (a->on_stall == NULL)
    return EAGAIN;
  stall.thread_id = readers->oldest.thread_id;
  if (stall.thread_id != 0)
    sy_os_thread_name (stall.thread_id, stall.thread_name, sizeof stall.thread_name);
  stall.epoch = sy_epoch_number (readers->oldest.epoch);
  stall.inside_ns = sy_os_now_ns () - readers->oldest.met_ns;
  stall.deferred_bytes = AO_load (&a->limbo.bytes) + readers->bag_bytes;
  a->on_stall (a->on_stall_ctx, &stall);
  return EAGAIN;
}

/* Into the thread's bags, if there is room. */
static bool
defer_with_room (struct sydra_alloc *a, struct sy_bags *bags, unsigned class, void *block, size_t bytes, enum sy_bags_result *result)
{
  if (!sy_bags_make_room (bags, &a->limbo, bytes))
    return false;
  *result = sy_bags_push (bags, &a->limbo, class, block, bytes);
  return true;
}

/* For a thread whose end has come, or that has no memory for a cache: by bags of its own for this one call. */
static bool
defer_without_cache (struct sydra_alloc *a, unsigned class, void *block, size_t bytes, enum sy_bags_result *result)
{
  struct sy_bags bags = { .room = 0 };
  bool room = defer_with_room (a, &bags, class, block, bytes, result);

  if (sy_bags_empty (&bags, &a->limbo))
    *result = SY_BAGS_DUE;
  return room;
}

static bool
defer (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, void *block, size_t bytes, enum sy_bags_result *result)
{
  if (SY_UNLIKELY (cache == NULL))
    return defer_without_cache (a, class, block, bytes, result);
  sy_thread_registry_begin (cache);

  bool room = defer_with_room (a, &cache->bags, class, block, bytes, result);

  sy_bags_end (&cache->bags);
  return room;
}

/* Debug builds know each block that waits. */
static void
note_deferred (const void *block)
{
  if (sy_fallback_has (&sy_deferred, block))
    sy_bug ("sydra_free_deferred", block, "block deferred twice");
  sy_fallback_add (&sy_deferred, block);
}

/*
 * There is no room for the block: everything that may go has gone.  Where no reader is left from before this call, none can see the block
 * either, which was out of their reach before it, and it is freed at once.
 */
static int
defer_over_limit (struct sydra_alloc *a, void *block, const struct sy_readers *readers)
{
  if (readers->oldest.epoch != 0 && !sy_epoch_before (readers->left, readers->oldest.epoch))
    return report_stall (a, readers);
  if (SY_DEBUG)
    (void) sy_fallback_remove (&sy_deferred, block);
  sydra_free (a, block);
  sy_shared_add (&a->limbo.reclaimed, 1);
  return 0;
}

/* A reader that has only just been found inside may be about to leave. */
static bool
is_worth_a_wait (const struct sy_readers *readers)
{
  return readers->oldest.epoch != 0 && sy_os_now_ns () - readers->oldest.met_ns < SY_LIMBO_WAIT_NS;
}

static int
defer_or_reclaim (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, void *block, size_t bytes)
{
  enum sy_bags_result result = SY_BAGS_HELD;
  struct sy_readers readers;
  unsigned round = 0;

  while (SY_UNLIKELY (!defer (a, cache, class, block, bytes, &result)))
    {
      if (!sy_reclaim_all (a, &readers))
        return EAGAIN;
      if (round != 0 && (round == SY_LIMBO_TRIES || !is_worth_a_wait (&readers)))
        return defer_over_limit (a, block, &readers);
      if (round++ != 0)
        sy_os_pause (0);
    }
  /* The bags that wait are memory too. */
  if (SY_UNLIKELY (result == SY_BAGS_NO_MEMORY) && sy_reclaim_all (a, &readers) && !defer (a, cache, class, block, bytes, &result))
    return defer_over_limit (a, block, &readers);
  if (result == SY_BAGS_DUE)
    sy_reclaim (a);
  return result == SY_BAGS_NO_MEMORY ? ENOMEM : 0;
}

/* Any block, any state of the thread. */
static int SY_NOINLINE
free_deferred_slow (struct sydra_alloc *a, void *block)
{
  size_t bytes;

  sy_thread_handle_check (a, "sydra_free_deferred");
  if (block == NULL)
    return 0;

  struct sy_thread_cache *cache = sy_thread_cache_earn (a, "sydra_free_deferred");
  unsigned class = sy_backend_class_of (a, block, "sydra_free_deferred", &bytes);
  int saved = errno;

  if (SY_DEBUG)
    note_deferred (block);

  int error = defer_or_reclaim (a, cache, class, block, bytes);

  if (SY_DEBUG && error != 0)
    (void) sy_fallback_remove (&sy_deferred, block);
  errno = saved;
  return error;
}

/* A block of the pool's, into a bag that has been begun and stays open. */
static inline bool
defer_hit (struct sy_thread_cache *cache, void *block)
{
  size_t class;

  if (SY_UNLIKELY (!sy_thread_cache_class_of (cache, block, &class)))
    return false;

  bool hit = SY_LIKELY (sy_bags_begin (&cache->bags)) && sy_bags_push_fast (&cache->bags, (unsigned) class, block);

  sy_bags_end (&cache->bags);
  return hit;
}

SY_EXPORT int
sydra_free_deferred (struct sydra_alloc *a, void *block)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  if (SY_LIKELY (sy_holds (&cache->owner, (AO_t) a) && !SY_DEBUG && defer_hit (cache, block)))
    return 0;
  return free_deferred_slow (a, block);
}

SY_EXPORT size_t
sydra_collect (struct sydra_alloc *a)
{
  struct sy_readers readers;

  sy_handle_check (a, "sydra_collect");
  (void) sy_reclaim_all (a, &readers);
  return sy_backend_collect (a);
}
