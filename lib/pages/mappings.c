/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/mappings.h"

#include "base/atomic.h"
#include "base/os.h"
#include "base/tuning.h"

static AO_t calls, many;

bool
sy_mappings_may_add (void)
{
  if ((AO_fetch_and_add (&calls, 1) + 1) % SY_MAPPINGS_LOOK == 0)
    AO_store (&many, sy_os_mappings (SY_MAPPINGS_MAX) >= SY_MAPPINGS_MAX);
  return AO_load (&many) == 0;
}

bool
sy_mappings_are_many (void)
{
  return AO_load (&many) != 0;
}
