/* SPDX-License-Identifier: MIT */
/* huge_pages.h: does the system have huge pages, and for which memory are they asked? */
#ifndef SY_TEST_HUGE_PAGES_H
#define SY_TEST_HUGE_PAGES_H

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/tuning.h"

/* Is this the system's choice of which memory gets huge pages? */
static inline bool
system_says (const char *choice)
{
  FILE *file = fopen ("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  char line[256] = "";

  if (file == NULL)
    return false;
  (void) !fgets (line, sizeof line, file);
  fclose (file);
  return strstr (line, choice) != NULL;
}

/* Are there huge pages for who asks?  False: says that tests of them are not tried. */
static inline bool
system_has_huge (void)
{
  char *place = sy_os_reserve (2 * SY_HUGE_PAGE_BYTES);
  bool has = place != NULL && sy_os_commit (place, 2 * SY_HUGE_PAGE_BYTES)
             && sy_os_ask_huge (place, 2 * SY_HUGE_PAGE_BYTES);

  if (place != NULL)
    sy_os_unmap (place, 2 * SY_HUGE_PAGE_BYTES);
  has = has && !system_says ("[never]");
  if (!has)
    printf ("# not tried: the system has no huge pages for who asks, so no test of them\n");
  return has;
}

/* What the system says of the process's mappings: the memory of all of them, and whether huge
   pages are asked for where the address lies. */
struct mapped
{
  size_t kib;
  bool is_huge;
};

static inline struct mapped
mapped_at (const char *address)
{
  FILE *file = fopen ("/proc/self/smaps", "r");
  struct mapped mapped = { 0, false };
  uintptr_t start, end;
  bool is_there = false;
  size_t kib;
  char line[1024];

  ck_assert_ptr_nonnull (file);
  while (fgets (line, sizeof line, file) != NULL)
    if (sscanf (line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
      is_there = (uintptr_t) address >= start && (uintptr_t) address < end;
    else if (sscanf (line, "Rss: %zu kB", &kib) == 1)
      mapped.kib += kib;
    else if (is_there && strncmp (line, "VmFlags:", 8) == 0)
      mapped.is_huge = strstr (line, " hg") != NULL;
  fclose (file);
  ck_assert_uint_ne (mapped.kib, 0);
  return mapped;
}

#endif
