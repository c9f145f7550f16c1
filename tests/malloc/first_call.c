/* SPDX-License-Identifier: MIT */
/*
 * first_call.c: malloc is called first, or last, wherever a program can: before constructors, in
 * them, in pthread_atfork and pthread_setspecific, in the destructors of a thread and of the
 * process, in a library that is opened after 64 others, in a signal handler.
 *
 * usage: first_call LIBRARY COUNT: opens LIBRARY.0 LIBRARY.1 ...
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tap.h"

#define THREADS 8
#define KEYS 40

extern unsigned early_keys, early_handlers;

static void *before_constructors, *in_constructor;
static pthread_key_t keys[KEYS];
static unsigned destroyed;

/* A block written to and given back. */
static bool
malloc_works (size_t size)
{
  char *block = malloc (size);

  if (block == NULL)
    return false;
  memset (block, 1, size);
  block = realloc (block, 2 * size);
  free (block);
  return block != NULL;
}

static void
at_preinit (void)
{
  before_constructors = malloc (100);
}

static void (*const preinit) (void) __attribute__ ((section (".preinit_array"), used)) = at_preinit;

__attribute__ ((constructor)) static void
at_load (void)
{
  in_constructor = malloc (100);
}

static bool
child_ends (pid_t pid, int *status)
{
  /* Ten seconds, in steps of a hundredth. */
  for (unsigned step = 0; step < 1000; step++)
    {
      if (waitpid (pid, status, WNOHANG) == pid)
        return true;
      usleep (10000);
    }
  kill (pid, SIGKILL);
  waitpid (pid, status, 0);
  return false;
}

/* ---- Threads ---- */

/* In each of its rounds, beyond the one in which the allocator let go of the thread. */
static void
destroy (void *value)
{
  uintptr_t round = (uintptr_t) value & 7, key = (uintptr_t) value >> 3;

  if (malloc_works (200) && malloc_works (100000))
    __atomic_fetch_add (&destroyed, 1, __ATOMIC_RELAXED);
  if (round < 3)
    (void) pthread_setspecific (keys[key], (void *) (key << 3 | (round + 1)));
}

/* The thread's first allocation is the one that its keys need. */
static void *
thread (void *argument)
{
  for (uintptr_t at = 0; at < KEYS; at++)
    if (pthread_setspecific (keys[at], (void *) (at << 3 | 1)) != 0)
      return argument;
  return malloc_works (50) ? NULL : argument;
}

static void
test_threads (void)
{
  pthread_t running[THREADS];
  bool right = true;
  void *failed;

  for (unsigned at = 0; at < KEYS; at++)
    right = right && pthread_key_create (&keys[at], destroy) == 0;
  for (unsigned at = 0; at < THREADS; at++)
    right = right && pthread_create (&running[at], NULL, thread, &destroyed) == 0;
  for (unsigned at = 0; at < THREADS; at++)
    right = pthread_join (running[at], &failed) == 0 && failed == NULL && right;
  tap (right, "a thread's first allocation may be its keys'");
  tap (destroyed == THREADS * KEYS * 3, "destructors of a thread allocate and free in every round");
}

/* ---- Forks ---- */

static void
test_fork (void)
{
  int status = 1;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (malloc_works (100) && malloc_works (1000000) ? 0 : 1);
  tap (child_ends (pid, &status) && status == 0,
       "a child of a fork with 64 handlers that allocate does so too");
}

/* ---- Libraries ---- */

static void *
late_thread (void *function)
{
  char *(*block) (void) = (char *(*) (void)) (uintptr_t) function;

  return strcmp (block (), "late") == 0 ? NULL : function;
}

static void
test_libraries (const char *library, unsigned count)
{
  bool right = true;
  void *failed;

  for (unsigned at = 0; at < count && right; at++)
    {
      char name[4096];
      pthread_t running;
      void *handle, *function;

      snprintf (name, sizeof name, "%s.%u", library, at);
      handle = dlopen (name, RTLD_NOW | RTLD_LOCAL);
      function = handle == NULL ? NULL : dlsym (handle, "late_block");
      if (function == NULL)
        right = tap_no ("%s", dlerror ());
      else
        right = late_thread (function) == NULL
                && pthread_create (&running, NULL, late_thread, function) == 0
                && pthread_join (running, &failed) == 0 && failed == NULL;
    }
  tap (right, "libraries with thread-local memory are opened one after the other, 70 of them");
}

/* ---- Signals ---- */

static void
on_fault (int number)
{
  (void) number;
  abort ();
}

static void
test_signal (void)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    {
      void *volatile nowhere = (void *) 16;

      signal (SIGSEGV, on_fault);
      free (malloc (10));
      *(volatile int *) nowhere = 1;
      _exit (0);
    }
  tap (child_ends (pid, &status) && WIFSIGNALED (status) && WTERMSIG (status) == SIGABRT,
       "a signal handler that aborts ends the process");
}

/* ---- The end ---- */

static int result;

/* Registered first, called last of the program's. */
static void
at_the_end (void)
{
  tap (malloc_works (300) && malloc_works (300000), "a function of atexit allocates and frees");
  result = tap_end ();
  if (result != 0)
    _exit (result);
}

__attribute__ ((destructor)) static void
destructor (void)
{
  /* Nobody is told of this one any more: it is right if the process ends well. */
  if (!malloc_works (77))
    _exit (1);
}

int
main (int argc, char **argv)
{
  if (argc != 3 || atexit (at_the_end) != 0)
    return 2;
  tap (before_constructors != NULL, "malloc works before any constructor");
  tap (in_constructor != NULL && in_constructor != before_constructors,
       "malloc works in a constructor");
  free (before_constructors);
  free (in_constructor);
  tap (early_keys == 64 && early_handlers == 64,
       "64 keys and 64 fork handlers are made before the first allocation");
  test_threads ();
  test_fork ();
  test_libraries (argv[1], (unsigned) atoi (argv[2]));
  test_signal ();
  return 0;
}
