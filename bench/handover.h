/* SPDX-License-Identifier: MIT */
/*
 * handover.h: bounded queues of blocks, one for each worker, that any worker puts into and its owner takes from.
 *
 * | operation      | may run beside       | order                                                          |
 * | handover_put   | put and take by any  | the queue's lock; what was written to the block goes before it |
 * | handover_take  | put and take by any  | the same                                                       |
 */
#ifndef BENCH_HANDOVER_H
#define BENCH_HANDOVER_H

#include <stdbool.h>
#include "oracle.h"

struct handover;

struct handover *handover_new (unsigned queues);
void handover_delete (struct handover *handover); /* the queues are empty */

/* False, and nothing changed, where that queue is full. */
bool handover_put (struct handover *handover, unsigned queue, const struct stamped *block);

/* The oldest ones, up to most.  Returns how many. */
unsigned handover_take (struct handover *handover, unsigned queue, struct stamped *blocks, unsigned most);

/* The most blocks that ever waited at once, in all queues together; exact when no other thread puts or takes. */
uint64_t handover_largest_backlog (const struct handover *handover);

#endif
