/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "configured.h"

int
sy_configured_shards (void)
{
  return SY_CONFIG_SHARDS;
}
