/* SPDX-License-Identifier: MIT */
/* faults.c: the library's barrier with pauses, and libraries with a fault. */
#include <config.h>

#include "readers.h"

bool __wrap_sy_epoch_barrier (void);
void __wrap_sy_reader_scan (void *reader, AO_t left, uint64_t now_ns, void *oldest);

struct sy_magazine *__wrap_sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest,
                                          unsigned most);
struct sy_magazine *__real_sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest,
                                          unsigned most) __attribute__ ((weak));

#if FINDS
/* No late store arrives, but for the first call, which finds none. */
bool
__wrap_sy_epoch_barrier (void)
{
  static bool called;

  if (!called)
    {
      called = true;
      late_stores_arrive ();
    }
  AO_nop_full ();
  return true;
}
#else
bool __real_sy_epoch_barrier (void) __attribute__ ((weak));

/* The library's own, late and with a pause behind it, and for late stores too. */
bool
__wrap_sy_epoch_barrier (void)
{
  static __thread unsigned calls;
  bool made;

  if (++calls % 64 == 0)
    usleep (50);
  late_stores_arrive ();
  made = __real_sy_epoch_barrier ();
  if (calls % 64 == 32)
    usleep (50);
  return made;
}
#endif

void
__wrap_sy_reader_scan (void *reader, AO_t left, uint64_t now_ns, void *oldest)
{
  (void) reader;
  (void) left;
  (void) now_ns;
  (void) oldest;
}

/* Takes a reader of the very epoch that a bag was sealed in for one that came later. */
struct sy_magazine *
__wrap_sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest, unsigned most)
{
  return __real_sy_limbo_take (limbo, sealed_by, oldest == 0 ? 0 : oldest + 2, most);
}
