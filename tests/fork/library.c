/* SPDX-License-Identifier: MIT */
/* library.c: a library with a lock, a fork handler registered at load, and an allocator that its
   user sets, as SQLite, OpenSSL and curl have. */
#include <pthread.h>

#include "library.h"

enum { BLOCKS = 4000, BYTES = 4000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *(*library_allocate) (size_t size);
void (*library_free) (void *block);

static void
take (void)
{
  (void) pthread_mutex_lock (&lock);
}

static void
release (void)
{
  (void) pthread_mutex_unlock (&lock);
}

__attribute__ ((constructor)) static void
load (void)
{
  (void) pthread_atfork (take, release, release);
}

/* Holds its lock while it allocates: a fork that has taken the allocator's locks before this one
   waits for ever. */
void
library_work (void)
{
  void *block[BLOCKS];

  take ();
  for (unsigned at = 0; at < BLOCKS; at++)
    block[at] = library_allocate (BYTES);
  for (unsigned at = 0; at < BLOCKS; at++)
    library_free (block[at]);
  release ();
}
