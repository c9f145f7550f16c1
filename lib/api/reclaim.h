/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h: lets go of deferred blocks that no reader can see any more.
 *
 * Blocks that were deferred before the call may go if, after a move of the epoch and a barrier on all threads, no reader is inside who
 * entered before that move of their bag's.  The caller holds no lock, and is not in the middle of a miss.
 */
#ifndef SY_RECLAIM_H
#define SY_RECLAIM_H

#include "thread/registry.h"

/* Frees what may go of what is sealed: as much as has its turn, a bounded number of bags. */
void sy_reclaim (struct sydra_alloc *a);

/* Seals all threads' bags first, and frees all that may go.  True: it is known who is inside, and that is in *readers. */
bool sy_reclaim_all (struct sydra_alloc *a, struct sy_readers *readers);

/* For who is out of memory: whether something waited and all that may go is freed. */
bool sy_reclaim_for_want (struct sydra_alloc *a);

/* Frees all that waits in a handle that no other thread uses. */
void sy_reclaim_end (struct sydra_alloc *a);

#endif
