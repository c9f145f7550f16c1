/* SPDX-License-Identifier: MIT */
/* shard.h: what the parts of the test of a pool and its shards share. */
#ifndef SY_TEST_SHARD_H
#define SY_TEST_SHARD_H

#include "suite.h"
#include "unit/classes.h"
#include "unit/pool.h"

#define FIRST 1u  /* the class of 16 bytes */
#define LAST (SY_CLASSES - 1)

void shard_add_slabs (Suite *suite);
void shard_add_zeroed (Suite *suite);
void shard_add_depots (Suite *suite);
void shard_add_order (Suite *suite);
void shard_add_locks (Suite *suite);
void shard_add_ends (Suite *suite);
void shard_add_sharing (Suite *suite);
void shard_add_misuse (Suite *suite);
void shard_add_random (Suite *suite);

#endif
