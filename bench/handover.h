/* SPDX-License-Identifier: MIT */
/*
 * handover.h: bounded queues of blocks, one for each worker.  Any worker puts into a queue, and its
 * owner takes from it.
 *
 *
 * | operation     | may run beside      | order                                                |
 * | handover_put  | put and take by any | the queue's lock, after all writes to the block      |
 * | handover_take | put and take by any | the queue's lock, before what its owner then reads   |
 */
#ifndef BENCH_HANDOVER_H
#define BENCH_HANDOVER_H

#include <stdbool.h>
#include "oracle.h"

struct handover;

struct handover *handover_new (unsigned queues);
void handover_delete (struct handover *handover); /* The queues must be empty. */

/* If that queue is full, returns false and changes nothing. */
bool handover_put (struct handover *handover, unsigned queue, const struct stamped *block);

/* Takes up to `most` blocks, the oldest first.  Returns how many. */
unsigned handover_take (struct handover *handover, unsigned queue, struct stamped *blocks,
                        unsigned most);

/*
 * The most blocks that ever waited at once in all queues together.  Exact when no other thread puts
 * or takes.
 */
uint64_t handover_largest_backlog (const struct handover *handover);

#endif
