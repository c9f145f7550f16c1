/* SPDX-License-Identifier: MIT */
/*
 * blocks.c: blocks MOST [DATA]
 *
 * Allocates blocks of 64 bytes and writes to them, until there are no more or there are MOST MiB of
 * them.  With DATA it first limits its own data to so many MiB.  Prints how many MiB it got, and
 * how many ns each of the first 256 MiB's blocks took, or 0 if there were fewer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "../timing.h"
#include "../util.h"
#include "citizen.h"

#define SIZE ((size_t) 64)
#define TIMED (256 * MIB / SIZE) /* blocks, so that runs that end early or late compare */

static void
limit_data (size_t bytes)
{
  struct rlimit limit = { bytes, bytes };

  if (setrlimit (RLIMIT_DATA, &limit))
    die ("no limit on data: %s", strerror (errno));
}

int
main (int count, char **words)
{
  uint64_t start_ns, timed_ns = 0;
  void **last = NULL;
  size_t most, got;

  program_name = "blocks";
  if (count != 2 && count != 3)
    die ("usage: blocks MOST [DATA]");
  most = number_of (words[1]) * MIB / SIZE;
  if (count == 3)
    limit_data (number_of (words[2]) * MIB);
  start_ns = clock_ns ();
  for (got = 0; got < most; got++)
    {
      /* A list, so that each block is written to. */
      void **block = malloc (SIZE);

      if (!block)
        break;
      *block = last;
      last = block;
      if (got + 1 == TIMED)
        timed_ns = clock_ns () - start_ns;
    }
  printf ("%.1f %.2f\n", (double) (got * SIZE) / (double) MIB,
          (double) timed_ns / (double) TIMED);
  return 0;
}
