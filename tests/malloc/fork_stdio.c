/* SPDX-License-Identifier: MIT */
/* fork_stdio.c: a process forks while one of its threads, in fflush (NULL), has the lock of the
   streams' list and is about to allocate. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>

#include "tap.h"

#define ROUNDS 5
#define BLOCKS 3000

static int flushing, forking; /* atomic */

static void
wait_for (const int *what)
{
  while (!__atomic_load_n (what, __ATOMIC_ACQUIRE))
    usleep (100);
}

/* Called by fork before the handlers of what was there at the start. */
static void
say_forking (void)
{
  __atomic_store_n (&forking, 1, __ATOMIC_RELEASE);
}

/* A stream's: allocates once the fork is on its way to the lock. */
static ssize_t
write_late (void *cookie, const char *text, size_t length)
{
  void **block = cookie;

  (void) text;
  __atomic_store_n (&flushing, 1, __ATOMIC_RELEASE);
  wait_for (&forking);
  usleep (50000);
  for (unsigned at = 0; at < BLOCKS; at++)
    block[at] = malloc (1 + at * 37);
  for (unsigned at = 0; at < BLOCKS; at++)
    free (block[at]);
  return (ssize_t) length;
}

static void *
flush_all (void *nothing)
{
  (void) nothing;
  return fflush (NULL) == 0 ? NULL : &flushing;
}

/* In a child: the streams and malloc are usable. */
static int
child (void)
{
  FILE *file = tmpfile ();
  bool right = file != NULL && fprintf (file, "%70000d", 1) == 70000 && fflush (NULL) == 0
               && fclose (file) == 0;

  return right ? 0 : 1;
}

static bool
one_round (FILE *stream)
{
  pthread_t thread;
  void *failed = NULL;
  int status = 1;
  pid_t pid;

  __atomic_store_n (&flushing, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&forking, 0, __ATOMIC_RELAXED);
  if (fputc ('x', stream) == EOF || pthread_create (&thread, NULL, flush_all, NULL) != 0)
    return false;
  wait_for (&flushing);
  pid = fork ();
  if (pid == 0)
    {
      (void) alarm (80);
      _exit (child ());
    }
  return pid > 0 && waitpid (pid, &status, 0) == pid && status == 0
         && pthread_join (thread, &failed) == 0 && failed == NULL;
}

int
main (void)
{
  static void *blocks[BLOCKS];
  cookie_io_functions_t functions = { .write = write_late };
  FILE *stream = fopencookie (blocks, "w", functions);
  bool right = stream != NULL && pthread_atfork (say_forking, NULL, NULL) == 0;

  (void) alarm (200);
  for (unsigned round = 0; round < ROUNDS && right; round++)
    right = one_round (stream);
  tap (
    right,
    "a fork and a stream that allocates when it is flushed do not wait for each other; streams work in the child");
  return tap_end ();
}
