/* SPDX-License-Identifier: MIT */
/* places.h: where arenas lie: in a place of their own, or in a reservation; and what else is mapped
   there. */
#ifndef SY_TEST_PLACES_H
#define SY_TEST_PLACES_H

#include <check.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/os.h"
#include "base/tuning.h"
#include "suite.h"

/* Are arenas of this build put into places?  An address sanitizer may have these places itself. */
#define HAS_PLACES (SY_WORD_BITS == 64 && !TEST_SANITIZED)

#ifndef MAP_FIXED_NOREPLACE
# define MAP_FIXED_NOREPLACE 0x100000
#endif

static inline void
arena_close (struct sy_arena *arena)
{
  size_t bytes = arena->is_reserved ? arena->room : arena->mapped;

  sy_os_unmap (arena->origin - (arena->is_down ? bytes : 0), bytes);
}

/* From here on each arena of the process is a reservation: the next place is beyond all
   addresses. */
static inline void
places_use_up (void)
{
  struct sy_arena arena = { .origin = NULL };

  if (SY_WORD_BITS == 32)
    return;
  if (!sy_arena_open (&arena, (size_t) 1 << (SY_WORD_BITS - 4), SY_UNIT_BYTES, 1))
    abort ();
  arena_close (&arena);
}

/* Another's mapping: it is filled with a byte, and must stay so. */
struct foreign
{
  char *start;
  size_t bytes;
};

/* Maps it, where nothing may be so far. */
static inline struct foreign
foreign_map (char *start, size_t bytes)
{
  struct foreign foreign = { start, bytes };
  char *mapped = mmap (start, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

  test_must (mapped == start, "something is mapped at %p", (void *) start);
  for (size_t at = 0; at < bytes; at += 4096)
    start[at] = 0x77;
  return foreign;
}

static inline bool
foreign_is_intact (const struct foreign *foreign)
{
  for (size_t at = 0; at < foreign->bytes; at++)
    if (foreign->start[at] != (at % 4096 == 0 ? 0x77 : 0))
      return false;
  return true;
}

/* How many lines of /proc/self/maps have bytes of this part of the address space.  Sets *first and
   *last to where the first one begins and the last one ends. */
static inline unsigned
lines_in (const char *start, size_t bytes, const char **first, const char **last)
{
  FILE *file = fopen ("/proc/self/maps", "r");
  unsigned long long low, high;
  unsigned lines = 0;

  test_must (file != NULL, "no /proc/self/maps");
  while (fscanf (file, "%llx-%llx%*[^\n]", &low, &high) == 2)
    if (high > (uintptr_t) start && low < (uintptr_t) start + bytes)
      {
        if (lines++ == 0)
          *first = (const char *) (uintptr_t) low;
        *last = (const char *) (uintptr_t) high;
      }
  fclose (file);
  return lines;
}

#endif
