/* SPDX-License-Identifier: MIT */
/*
 * early.c: a library that comes first: initialised before even the drop-in, as the linker is told,
 * it uses up the keys and the fork handlers that the C library keeps without allocating.  The next
 * ones allocate, with locks of the C library's taken.
 */
#include <pthread.h>
#include <stdlib.h>

unsigned early_keys, early_handlers;

static void
nothing (void)
{
}

static void
allocate (void)
{
  free (malloc (100));
}

__attribute__ ((constructor)) static void
at_load (void)
{
  pthread_key_t key[64];
  unsigned at;

  /* In this order the first to allocate is pthread_atfork, when the next key is one that
     pthread_setspecific allocates for. */
  for (at = 0; at < 64 && pthread_key_create (&key[at], NULL) == 0; at++)
    early_keys++;
  for (at = 0; at < 64; at++)
    early_handlers += pthread_atfork (nothing, nothing, allocate) == 0;
  for (at = 0; at < early_keys; at++)
    if (pthread_setspecific (key[at], &early_keys) != 0)
      early_keys = 0;
}
