/* SPDX-License-Identifier: MIT */
/*
 * asleep.c: asleep MIB [SECONDS]
 *
 * Uses 32 sizes and so many MiB in blocks of 1,000 bytes.  Prints the GiB of addresses that the
 * process has.  Then it sleeps.
 */
#include <stdio.h>
#include <unistd.h>
#include "../util.h"
#include "citizen.h"

int
main (int count, char **words)
{
  program_name = "asleep";
  if (count != 2 && count != 3)
    die ("usage: asleep MIB [SECONDS]");
  sizes_use (32);
  for (size_t got = 0; got < number_of (words[1]) * MIB; got += 1000)
    block_new (1000);
  printf ("%.3f\n", (double) status_kib ("VmSize") / (double) MIB);
  fflush (stdout);
  if (count == 3)
    sleep ((unsigned) number_of (words[2]));
  return 0;
}
