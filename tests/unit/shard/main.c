/* SPDX-License-Identifier: MIT */
/* main.c: the test of a pool and its shards: the parts that it has. */
#include <config.h>

#include "shard.h"
#include "unit/no_leaks.h"

int
main (void)
{
  Suite *suite = suite_create ("shard");

  shard_add_slabs (suite);
  shard_add_zeroed (suite);
  shard_add_depots (suite);
  shard_add_order (suite);
  shard_add_locks (suite);
  shard_add_ends (suite);
  shard_add_sharing (suite);
  shard_add_misuse (suite);
  shard_add_random (suite);
  return test_run (suite);
}
