/* SPDX-License-Identifier: MIT */
/* Stands in for lib/api/configured.c, so that one build tries several numbers of shards, and for
   lib/api/load.c: there is no module beside a test. */
#include "config.h"
#include "api/configured.h"

#include "api/fork.h"

int
sy_configured_shards (void)
{
  return TEST_SHARDS;
}

int
sy_configured_huge (void)
{
  return 0;
}

void
sy_fork_register_module (void)
{
}
