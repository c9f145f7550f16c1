/* SPDX-License-Identifier: MIT */
/*
 * forks.c: forks SIZES
 *
 * Uses one block of each of so many sizes.  Then it forks children that end at once, and waits for
 * each.  Prints the microseconds that one takes, as the median.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../timing.h"
#include "../util.h"
#include "citizen.h"

#define FORKS 301

static double
fork_us (void)
{
  uint64_t start_ns = clock_ns ();
  pid_t child = fork ();
  int status;

  if (!child)
    _exit (0);
  if (child < 0)
    die ("no process: %s", strerror (errno));
  while (waitpid (child, &status, 0) < 0)
    if (errno != EINTR)
      die ("no status: %s", strerror (errno));
  if (status)
    die ("a child's status is %d", status);
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
