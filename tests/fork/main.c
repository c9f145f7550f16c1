/* SPDX-License-Identifier: MIT */
/*
 * main.c: forks while two threads are in a library that allocates with its lock held: from the
 * default handle, or by malloc where there is an argument.  Exit status 0: all forks came back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "library.h"
#include "sydra/alloc.h"

enum { FORKS = 3000, SECONDS = 2, HANG_SECONDS = 60 };

static void *
allocate (size_t size)
{
  return sydra_malloc (sydra_alloc_default (), size);
}

static void
give_back (void *block)
{
  sydra_free (sydra_alloc_default (), block);
}

static void *
work_all_the_time (void *argument)
{
  for (;;)
    {
      library_work ();
      /* the fork gets the lock, which a thread that takes it again at once would keep */
      usleep (200);
    }
  return argument;
}

int
main (int count, char **words)
{
  time_t end = time (NULL) + SECONDS;
  pthread_t thread[2];
  unsigned forks = 0;

  (void) words;
  library_allocate = count > 1 ? malloc : allocate;
  library_free = count > 1 ? free : give_back;
  for (unsigned at = 0; at < 2; at++)
    if (pthread_create (&thread[at], NULL, work_all_the_time, NULL) != 0)
      return 2;
  for (; forks < 4 || (forks < FORKS && time (NULL) < end); forks++)
    {
      int status = 0;

      alarm (HANG_SECONDS);  /* a fork that does not come back ends here, by SIGALRM */

      pid_t child = fork ();

      if (child == 0)
        _exit (allocate (100) != NULL && malloc (100) != NULL ? 0 : 1);
      if (child < 0 || waitpid (child, &status, 0) != child || status != 0)
        return 3;
    }
  printf ("%u forks\n", forks);
  _exit (fflush (stdout) == 0 ? 0 : 4);
}
