/* SPDX-License-Identifier: MIT */
/* Stands in for lib/configured.c, so that one build tries several numbers of shards. */
#include "config.h"
#include "configured.h"

int
sy_configured_shards (void)
{
  return TEST_SHARDS;
}
