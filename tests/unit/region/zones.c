/* SPDX-License-Identifier: MIT */
/* zones.c: zones that are as short as they can be, where the address space is limited. */
#include <config.h>

#include <sys/resource.h>

#include "region.h"
#include "unit/child.h"

/* Limits on address space, in MiB, under which zones have 8, 64 and 256 units: nothing, 3 and 15 of
   them may be skipped. */
static const unsigned limit_mib[] = { 64, 1024, 4096 };
#define LIMITS (SY_WORD_BITS == 64 ? 3 : 1)

/* Takes all slabs of a class; each is whole, in its zone and in the range, and writable to its
   ends. */
static int
take_a_whole_zone (unsigned class)
{
  uint32_t zone_end = (uint32_t) (class + 1) << sy_region.zone_shift;
  uint32_t first, units = sy_size_classes[class].units, slab, count = 0;

  (void) sy_region_used (class, &first);
  while ((slab = sy_region_take (class)) != SY_SLAB_NONE)
    {
      char *start = sy_region_address (slab), *last = start + sy_class_slab_bytes (class) - 1;

      if (slab % units != 0 || slab != first + count * units || slab + units > zone_end
          || !sy_region_has (start) || !sy_region_has (last))
        return 2;
      *start = *last = 1;
      count++;
    }
  if (zone_end > sy_region_unit_count ())
    zone_end = sy_region_unit_count ();
  /* No whole one is left. */
  return first + (count + 1) * units > zone_end && count >= (zone_end - first) / units
         && count != 0 ? 0 : 3;
}

static int
take_all_zones (void *argument)
{
  rlim_t bytes = (rlim_t) *(const unsigned *) argument << 20;
  struct rlimit limit = { bytes, bytes };
  int status = 0;

  if (setrlimit (RLIMIT_AS, &limit) != 0 || !sy_region_open ())
    return 1;
  for (unsigned class = SY_CLASSES - 1; class > 0 && status == 0; class--)
    {
      status = take_a_whole_zone (class);
      if (status != 0)
        fprintf (stderr, "class %u of %u, zones of %u units",
                 class, SY_CLASSES, 1u << sy_region.zone_shift);
    }
  return status;
}

START_TEST (a_short_zone_is_used_to_its_last_whole_slab)
{
  struct child child;

  /* No limit holds for a sanitizer's own memory; and the range is opened once in a process. */
  if (TEST_SANITIZED || sy_region.bytes != 0)
    return;
  child = child_run (take_all_zones, (void *) (uintptr_t) &limit_mib[_i]);
  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
region_add_zones (Suite *suite)
{
  TCase *tests = test_case (suite, "zones", 20);

  tcase_add_loop_test (tests, a_short_zone_is_used_to_its_last_whole_slab, 0, LIMITS);
}
