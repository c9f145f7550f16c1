/* SPDX-License-Identifier: MIT */
/* fork_threads.c: forks in a process whose other threads allocate: each child allocates, frees
   its parent's blocks, starts a thread. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "tap.h"

#define THREADS 8
#define FORKS 200u
#define FORKS_LEAST 20u
#define SECONDS 8  /* after so many no more than the least: where the system forks slowly */
#define BLOCKS 256
#define CHILD_SECONDS 60

static bool stop;
static void *parents[BLOCKS];

static size_t
some_size (uint64_t *state)
{
  uint64_t number = tap_next (state);

  return number % 200 == 0 ? 1 + number % 300000 : 1 + number % 2000;
}

/* Fills an array of blocks with new ones, at random places, a number of times; false: no memory. */
static bool
churn (uint64_t *state, unsigned rounds)
{
  void *block[64] = { NULL };
  bool right = true;

  for (unsigned round = 0; round < rounds && right; round++)
    {
      unsigned at = (unsigned) (tap_next (state) % 64);
      size_t size = some_size (state);

      free (block[at]);
      block[at] = malloc (size);
      right = block[at] != NULL;
      if (right)
        memset (block[at], 0x11, size);
    }
  for (unsigned at = 0; at < 64; at++)
    free (block[at]);
  return right;
}

static void *
allocate_all_the_time (void *argument)
{
  uint64_t state = (uintptr_t) argument;

  /* With pauses, so that the children have their turn on few processors. */
  for (; !__atomic_load_n (&stop, __ATOMIC_RELAXED); usleep (1000))
    if (!churn (&state, 200))
      abort ();
  return NULL;
}

static void *
allocate_a_while (void *argument)
{
  uint64_t state = (uintptr_t) argument;

  return churn (&state, 500) ? NULL : argument;
}

/* The child's exit status. */
static int
child (uint64_t state)
{
  pthread_t thread;
  void *failed = NULL;

  (void) alarm (CHILD_SECONDS);
  if (!churn (&state, 300))
    return 1;
  for (unsigned at = 0; at < BLOCKS; at++)
    free (parents[at]);
  if (pthread_create (&thread, NULL, allocate_a_while, (void *) (uintptr_t) (state | 1)) != 0
      || pthread_join (thread, &failed) != 0)
    return 2;
  return failed == NULL && churn (&state, 300) ? 0 : 3;
}

int
main (void)
{
  pthread_t thread[THREADS];
  unsigned ended_well = 0, hung = 0, forks;
  time_t until = time (NULL) + SECONDS;

  tap_seed ();
  for (unsigned at = 0; at < BLOCKS; at++)
    parents[at] = malloc (some_size (&tap_state));
  for (uintptr_t at = 0; at < THREADS; at++)
    if (pthread_create (&thread[at], NULL, allocate_all_the_time,
                        (void *) (uintptr_t) (tap_next (&tap_state) | 1))
        != 0)
      return 2;
  for (forks = 0; forks < FORKS && (forks < FORKS_LEAST || time (NULL) < until); forks++)
    {
      int status = 0;
      uint64_t state = tap_next (&tap_state);
      pid_t pid = fork ();

      if (pid == 0)
        _exit (child (state));
      if (pid < 0 || waitpid (pid, &status, 0) != pid)
        return 2;
      ended_well += status == 0;
      hung += WIFSIGNALED (status) && WTERMSIG (status) == SIGALRM;
      if (status != 0)
        tap_no ("child %u: status %x", forks, (unsigned) status);
      /* Blocks come and go between the forks. */
      free (parents[forks % BLOCKS]);
      parents[forks % BLOCKS] = malloc (some_size (&tap_state));
    }
  printf ("# %u forks\n", forks);
  tap (hung == 0, "no child hangs");
  tap (ended_well == forks,
       "every child allocates, frees its parent's blocks, and starts a thread that allocates");
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  for (unsigned at = 0; at < THREADS; at++)
    (void) pthread_join (thread[at], NULL);
  tap (churn (&tap_state, 1000), "the parent goes on");
  return tap_end ();
}
