/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/waiting.h"

#include "base/bug.h"
#include "heap/fallback.h"

static struct sy_fallback waiting;

void
sy_waiting_open (void)
{
  sy_fallback_open (&waiting);
}

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
  sy_fallback_lock (&waiting);
}

void
sy_waiting_unlock (void)
{
  sy_fallback_unlock (&waiting);
}

void
sy_waiting_forget (void)
{
  sy_fallback_forget (&waiting);
}
