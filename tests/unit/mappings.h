/* SPDX-License-Identifier: MIT */
/* mappings.h: the process's mappings, counted and used up. */
#ifndef SY_TEST_MAPPINGS_H
#define SY_TEST_MAPPINGS_H

#include <check.h>
#include <stdio.h>

#include "base/os.h"

static inline unsigned
mappings (void)
{
  FILE *file = fopen ("/proc/self/maps", "r");
  unsigned count = 0;

  ck_assert_ptr_nonnull (file);
  for (int next; (next = getc (file)) != EOF;)
    count += next == '\n';
  fclose (file);
  return count;
}

/* How many the system grants; 0: more than a test can take, or it does not say. */
static inline unsigned
mappings_granted (void)
{
  FILE *file = fopen ("/proc/sys/vm/max_map_count", "r");
  unsigned most = 0;

  if (file == NULL || fscanf (file, "%u", &most) != 1 || fclose (file) != 0 || most > 1u << 20)
    printf ("# not tried: the system grants %u mappings\n", most);
  return most > 1u << 20 ? 0 : most;
}

/* Takes all that are left of so many.  False: they did not end. */
static inline bool
mappings_take_all (unsigned most)
{
  size_t page = sy_os_page_bytes (), pages = 2 * (size_t) most, taken = 0;
  char *range = sy_os_reserve (pages * page);

  while (range != NULL && taken < pages && sy_os_commit (range + taken * page, page))
    taken += 2;
  return taken != 0 && taken < pages;
}

#endif
