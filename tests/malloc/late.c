/* SPDX-License-Identifier: MIT */
/* late.c: a library for dlopen, of which the test loads many copies: with thread-local memory,
   and a constructor that allocates. */
#include <stdlib.h>
#include <string.h>

static __thread char *mine;

__attribute__ ((constructor)) static void
at_load (void)
{
  free (malloc (1000));
}

/* The calling thread's own block, made at its first call. */
char *
late_block (void)
{
  if (mine == NULL && (mine = malloc (64)) != NULL)
    strcpy (mine, "late");
  return mine;
}
