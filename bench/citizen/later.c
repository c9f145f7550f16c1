/* SPDX-License-Identifier: MIT */
/*
 * later.c: limits its own addresses to 2 GiB when it runs already.  Prints "yes" if then a thread
 * starts, a library is loaded, and small and large blocks are to be had.  Else it prints which of
 * these fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "../util.h"
#include "citizen.h"

#define LIMIT (2048 * MIB)
#define LIBRARY "libresolv.so.2" /* a part of the C library that nothing here is linked to */

/* Returns its argument, or NULL if there is no memory. */
static void *
allocates (void *argument)
{
  void *block = block_try (1000);

  if (!block)
    return NULL;
  free (block);
  return argument;
}

static const char *
fails (void)
{
  void *result;
  pthread_t thread;

  if (pthread_create (&thread, NULL, allocates, &result))
    return "thread";
  if (pthread_join (thread, &result) || !result)
    return "its-malloc";
  if (!dlopen (LIBRARY, RTLD_NOW))
    return "dlopen";
  for (size_t got = 0; got < 64 * MIB; got += 64)
    if (!block_try (64))
      return "malloc";
  return block_try (64 * MIB) ? NULL : "large-malloc";
}

int
main (void)
{
  struct rlimit limit = { LIMIT, LIMIT };
  const char *what;

  program_name = "later";
  block_new (100);
  if (setrlimit (RLIMIT_AS, &limit))
    die ("no limit on addresses: %s", strerror (errno));
  what = fails ();
  puts (what ? what : "yes");
  return 0;
}
