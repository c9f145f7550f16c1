/* SPDX-License-Identifier: MIT */
/* reclaim_sydra.c: sydra_free_deferred.  The blocks are the handle's. */
#include <errno.h>
#include <sched.h>
#include <sydra/alloc.h>
#include "reclaim_loops.h"

static struct sydra_alloc *handle; /* written before any thread is made */

static void *
take (size_t size)
{
  return sydra_malloc (handle, size);
}

static void
give (void *block)
{
  sydra_free (handle, block);
}

static uint64_t
enter (struct reclaim_thread *t)
{
  (void) t;
  return sydra_epoch_enter (handle);
}

static void
leave (struct reclaim_thread *t, uint64_t entered)
{
  (void) t;
  sydra_epoch_leave (handle, entered);
}

static void
retire (struct reclaim_thread *t, struct reclaim_block *block)
{
  int error;

  (void) t;
  while (__builtin_expect ((error = sydra_free_deferred (handle, block)) != 0, 0))
    {
      if (error != EAGAIN)
        die ("sydra_free_deferred failed");
      sched_yield ();
    }
}

static const struct reclaim_calls calls = { take, enter, leave, retire };

static void
section (struct reclaim_thread *t, uint64_t count)
{
  reclaim_section_loop (t, count, calls);
}

static void
retire_loop (struct reclaim_thread *t)
{
  reclaim_retire_loop (t, calls);
}

static void
begin (const struct reclaim_run *run)
{
  (void) run;
  handle = sydra_alloc_create (NULL);
  if (!handle)
    die ("sydra_alloc_create failed");
}

static struct sydra_stats
stats_now (void)
{
  struct sydra_stats stats = { .size = sizeof stats };

  if (sydra_stats_get (handle, &stats) != 0)
    die ("sydra_stats_get failed");
  return stats;
}

static size_t
waiting_bytes (void)
{
  return (size_t) stats_now ().deferred_bytes;
}

static size_t
peak_bytes (void)
{
  return (size_t) stats_now ().deferred_high_water_bytes;
}

static void
end (const struct reclaim_run *run)
{
  (void) run;
  (void) sydra_collect (handle);
}

const struct reclaim_peer reclaim_peer = {
  .name = "sydra",
  .methods = { "sydra_free_deferred" },
  .take = take,
  .give = give,
  .begin = begin,
  .section = section,
  .retire = { retire_loop },
  .end = end,
  .waiting_bytes = waiting_bytes,
  .peak_bytes = peak_bytes,
};
