/* SPDX-License-Identifier: MIT */
/* idle_threads.c: threads that never allocate leave nothing behind. */
#define _GNU_SOURCE
#include <pthread.h>

#include "tap.h"

enum { THREADS = 8000 };

static void *
do_nothing (void *argument)
{
  return argument;
}

static void
come_and_go (unsigned count)
{
  pthread_t thread;

  for (unsigned at = 0; at < count; at++)
    if (pthread_create (&thread, NULL, do_nothing, NULL) != 0 || pthread_join (thread, NULL) != 0)
      abort ();
}

/* The C library frees what it has of a thread when the destructors of the thread's keys have
   run. */
int
main (void)
{
  size_t before;

  come_and_go (THREADS / 4);
  before = tap_resident ();
  come_and_go (THREADS);

  size_t grown = tap_resident () > before ? tap_resident () - before : 0;

  printf ("# grown by %zu bytes a thread\n", grown / THREADS);
  tap (grown < THREADS * (size_t) 64, "threads that never allocate leave nothing behind");
  return tap_end ();
}
