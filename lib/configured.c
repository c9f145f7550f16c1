/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "configured.h"

const int sy_configured_shards = SY_CONFIG_SHARDS;
