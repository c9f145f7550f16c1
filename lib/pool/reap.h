/* SPDX-License-Identifier: MIT */
/*
 * reap.h: how a pool gives memory back: magazines in depots to the slabs, and free pages inside
 * slabs to the system.
 *
 * A reaping (purge_timer.h) walks over all bins.  In each bin it first drains the magazines that
 * lay in a depot since the last reaping.  Then it purges free pages of slabs that are idle.
 */
#ifndef SY_REAP_H
#define SY_REAP_H

#include "pool/pool.h"

static inline bool
sy_reap_is_due (const struct sy_pool *pool, uint64_t now_ns)
{
  return sy_purge_timer_is_due (&pool->reaping.timer, now_ns);
}

/* Does the next step of the reaping, if one is due and no other thread is doing one. */
void sy_reap_step (struct sy_pool *pool, uint64_t now_ns);

/*
 * To be called when memory has grown; `growths` is sy_range.growths.  Drains the magazines that
 * lay in the shard's depots since the last look.  Only the first call for each growth does so, and
 * only for SY_SHED_NS.
 */
void sy_reap_shed (struct sy_pool *pool, unsigned shard, AO_t growths);

/* Gives all free pages inside slabs back to the system.  Returns how many bytes. */
size_t sy_reap_purge (struct sy_pool *pool);

/* Drains all depots: their blocks go back to the slabs.  Debug builds then check the invariants. */
void sy_reap_drain (struct sy_pool *pool);

/* In the child of a fork: ends a step that a thread of the parent was doing. */
void sy_reap_after_fork (struct sy_pool *pool);

#endif
