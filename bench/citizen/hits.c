/* SPDX-License-Identifier: MIT */
/*
 * hits.c: frees 30 MiB.  Then it only allocates and frees blocks one at a time, which an allocator
 * serves from what the thread has at hand.  Prints the resident MiB after 1 s and after 4 s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "../timing.h"
#include "../util.h"
#include "citizen.h"

#define FREED (30 * MIB)
#define SECOND UINT64_C (1000000000)

static void
hit_until (uint64_t end_ns)
{
  const struct timespec pause = { 0, 20000000 };

  while (clock_ns () < end_ns)
    {
      for (size_t size = 100; size < 1100; size++)
        free (block_new (size));
      nanosleep (&pause, NULL);
    }
}

int
main (void)
{
  uint64_t start_ns;
  size_t first_kib;

  program_name = "hits";
  free (block_new (FREED));
  start_ns = clock_ns ();
  hit_until (start_ns + SECOND);
  first_kib = status_kib ("VmRSS");
  hit_until (start_ns + 4 * SECOND);
  printf ("%.2f %.2f\n", (double) first_kib / 1024, (double) status_kib ("VmRSS") / 1024);
  return 0;
}
