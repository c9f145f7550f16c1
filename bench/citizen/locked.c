/* SPDX-License-Identifier: MIT */
/*
 * locked.c: locked all | locked few
 *
 * Locks its memory, now and in the future, and then uses 32 sizes and some large blocks.
 *
 * all: as a process that may lock what it likes.  Prints in the end how many MB of addresses are
 *      locked, and how many MB are resident.
 * few: as a user who may lock 8 MiB.  Prints "yes" if there are blocks of 1 MiB in all to be had,
 *      else what is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>
#include "../util.h"
#include "citizen.h"

#define NOBODY 65534
#define MAY_LOCK (8 * MIB)

static void
lock_all (void)
{
  if (mlockall (MCL_CURRENT | MCL_FUTURE))
    die ("mlockall: %s", strerror (errno));
  sizes_use (32);
  for (size_t size = 32 * 1024; size <= MIB; size *= 2)
    block_new (size);
  printf ("%.2f %.2f\n", (double) status_kib ("VmLck") * 1024 / 1e6,
          (double) status_kib ("VmRSS") * 1024 / 1e6);
}

/* Gives up the right to lock more than the limit. */
static void
be_nobody (void)
{
  struct rlimit limit = { MAY_LOCK, MAY_LOCK };

  if (setrlimit (RLIMIT_MEMLOCK, &limit))
    die ("no limit on locked memory: %s", strerror (errno));
  if (!geteuid () && setuid (NOBODY))
    die ("still a privileged user: %s", strerror (errno));
}

static const char *
lock_few (void)
{
  be_nobody ();
  if (mlockall (MCL_CURRENT | MCL_FUTURE))
    return "mlockall";
  for (size_t got = 0; got < MIB; got += 1000)
    if (!block_try (1000))
      return "malloc";
  return "yes";
}

int
main (int count, char **words)
{
  program_name = "locked";
  if (count == 2 && !strcmp (words[1], "all"))
    lock_all ();
  else if (count == 2 && !strcmp (words[1], "few"))
    puts (lock_few ());
  else
    die ("usage: locked all | locked few");
  return 0;
}
