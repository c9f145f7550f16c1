/* SPDX-License-Identifier: MIT */
/* leave_small.c: a program that ends in a thread with the smallest stack there is. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

static void *
leave (void *argument)
{
  (void) argument;
  free (malloc (100));
  exit (3);
}

int
main (void)
{
  pthread_attr_t attributes;
  pthread_t thread;

  if (pthread_attr_init (&attributes) != 0
      || pthread_attr_setstacksize (&attributes, (size_t) PTHREAD_STACK_MIN) != 0
      || pthread_create (&thread, &attributes, leave, NULL) != 0)
    return 1;
  pthread_join (thread, NULL);
  return 1;
}
