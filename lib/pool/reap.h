/* SPDX-License-Identifier: MIT */
/*
 * reap.h: what a pool gives back: what lies in depots to the slabs, and free pages inside slabs to the system.
 *
 * A reaping (pace.h) walks over all bins: of each, the magazines that lay in the depot since the last one, then pages of slabs that lie idle.
 */
#ifndef SY_REAP_H
#define SY_REAP_H

#include "pool/pool.h"

static inline bool
sy_pool_reap_is_due (const struct sy_pool *pool, uint64_t now_ns)
{
  return sy_pace_is_due (&pool->reaping.pace, now_ns);
}

/* Does the next step, if it is due and nobody else is at it. */
void sy_pool_reap (struct sy_pool *pool, uint64_t now_ns);

/* Memory has grown for the growths-th time: what lay in the shard's depots since somebody last looked goes to the slabs.  Once each
   time, and for a moment. */
void sy_pool_shed (struct sy_pool *pool, unsigned shard, AO_t growths);

/* Gives all free pages inside slabs back to the system; how many bytes that were. */
size_t sy_pool_purge (struct sy_pool *pool);

/* Empties all depots into the slabs. */
void sy_pool_drain (struct sy_pool *pool);

/* In the child of a fork: nobody is at a step. */
void sy_pool_reap_after_fork (struct sy_pool *pool);

#endif
