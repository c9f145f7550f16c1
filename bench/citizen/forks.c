/* SPDX-License-Identifier: MIT */
/*
 * forks.c: forks SIZES
 *
 * Uses one block of each of so many sizes.  Then it forks children that end at once, and waits for
 * each.  Prints the microseconds that one takes, as the median.
 */
#include <stdio.h>
#include "../timing.h"
#include "../util.h"
#include "citizen.h"

#define FORKS 301

static double
fork_us (void)
{
  uint64_t start_ns = clock_ns ();

  fork_and_wait ();
  return (double) (clock_ns () - start_ns) / 1e3;
}

int
main (int count, char **words)
{
  double each_us[FORKS];

  program_name = "forks";
  if (count != 2)
    die ("usage: forks SIZES");
  sizes_use (number_of (words[1]));
  for (int i = 0; i < FORKS; i++)
    each_us[i] = fork_us ();
  sort_values (each_us, FORKS);
  printf ("%.1f\n", each_us[FORKS / 2]);
  return 0;
}
