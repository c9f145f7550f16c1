/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/configured.h"
#include "config.h"

int
sy_configured_shards (void)
{
  return SY_CONFIG_SHARDS;
}

int
sy_configured_huge (void)
{
  return 0;
}
