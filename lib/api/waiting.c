/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/waiting.h"

#include "base/bug.h"
#include "heap/fallback.h"

/* Zero, and so no page of the program's data, where it has no use. */
static struct sy_fallback waiting = {
  .stripe = { [0 ... SY_FALLBACK_STRIPES - 1]
              = { .lock = { .rank = SY_DEBUG ? SY_RANK_FALLBACK : (enum sy_rank) 0 } } },
};

void
sy_waiting_add (const void *block)
{
  if (sy_fallback_has (&waiting, block))
    sy_bug ("sydra_free_deferred", block, "block deferred twice");
  sy_fallback_add (&waiting, block);
}

void
sy_waiting_remove (const void *block)
{
  (void) sy_fallback_remove (&waiting, block);
}

void
sy_waiting_check (const void *block, const char *call)
{
  if (sy_fallback_has (&waiting, block))
    sy_bug (call, block, "the block is deferred: it is freed when no reader can see it any more");
}

void
sy_waiting_lock (void)
{
  if (SY_DEBUG)
    sy_fallback_lock (&waiting);
}

void
sy_waiting_unlock (void)
{
  if (SY_DEBUG)
    sy_fallback_unlock (&waiting);
}

void
sy_waiting_forget (void)
{
  sy_fallback_forget (&waiting);
}
