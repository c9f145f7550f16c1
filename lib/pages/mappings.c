/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/mappings.h"

#include "base/atomic.h"
#include "base/os.h"
#include "base/tuning.h"

/* How many may have been made, and how many of these when the system was asked last. */
static AO_t added, seen, many;

bool
sy_mappings_add (unsigned count)
{
  (void) AO_fetch_and_add (&added, count);
  return AO_load (&many) == 0;
}

bool
sy_mappings_are_many (void)
{
  return AO_load (&many) != 0;
}

void
sy_mappings_look (void)
{
  AO_t before = AO_load (&seen), now = AO_load (&added);

  /* One of several threads asks. */
  if (now - before < SY_MAPPINGS_LOOK || !AO_compare_and_swap (&seen, before, now))
    return;
  AO_store (&many, sy_os_mappings (SY_MAPPINGS_MAX) >= SY_MAPPINGS_MAX);
}
