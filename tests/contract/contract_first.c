/* SPDX-License-Identifier: MIT */
/*
 * contract_first.c: any call may be the first of the process or of a thread, and may come from a
 * constructor, an atexit handler or a TLS destructor.  For the process's first call the test starts
 * its own program again, with the call and the place in its environment.
 */
#include <config.h>

#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "contract.h"
#include "threads.h"

#define FIRST "SYDRA_TEST_FIRST"

extern char **environ;

static bool
make_call (unsigned which)
{
  return calls[which].make (calls[which].is_on_a_handle ? sydra_alloc_default () : NULL);
}

/* ---- The places: from a program that was started for this. ---- */

enum place
{
  IN_MAIN, IN_CONSTRUCTOR, IN_ATEXIT, IN_DESTRUCTOR_OF_LIBRARY, IN_THREAD, IN_TLS_DESTRUCTOR,
  IN_SIXTH_TLS_DESTRUCTOR, PLACES
};

static struct {
  bool asked;
  enum place place;
  unsigned which;
} wanted;

static bool constructed;

/* Ends the program with what the call says; from exit handlers too. */
static void
call_and_tell (void)
{
  _exit (make_call (wanted.which) ? 0 : 3);
}

static void
call_or_die (void *value)
{
  (void) value;
  if (!make_call (wanted.which))
    _exit (3);
}

static void *
run_thread (void *argument)
{
  pthread_key_t key[6];

  if (wanted.place == IN_THREAD)
    call_or_die (argument);
  else
    for (unsigned at = 0; at < (wanted.place == IN_TLS_DESTRUCTOR ? 1u : 6u); at++)
      if (pthread_key_create (&key[at], call_or_die) != 0
          || pthread_setspecific (key[at], &wanted) != 0)
        _exit (4);
  return NULL;
}

/* Before the library's own constructor, where it is linked in. */
__attribute__ ((constructor (101))) static void
at_start (void)
{
  const char *first = getenv (FIRST);
  unsigned place;

  if (first == NULL || sscanf (first, "%u %u", &place, &wanted.which) != 2 || place >= PLACES
      || wanted.which >= call_count)
    return;
  wanted.asked = true;
  wanted.place = (enum place) place;
  if (wanted.place == IN_CONSTRUCTOR && !make_call (wanted.which))
    _exit (3);
  constructed = true;
}

__attribute__ ((destructor (101))) static void
at_end (void)
{
  if (wanted.asked && wanted.place == IN_DESTRUCTOR_OF_LIBRARY)
    call_and_tell ();
}

int
contract_first_main (void)
{
  pthread_t thread;

  if (!wanted.asked)
    return -1;
  if (!constructed)
    return 5;
  switch (wanted.place)
    {
    case IN_MAIN:
      return make_call (wanted.which) ? 0 : 3;
    case IN_ATEXIT:
      /* 6, if the handler should not be run. */
      return atexit (call_and_tell) == 0 ? 6 : 4;
    case IN_DESTRUCTOR_OF_LIBRARY:
      return 6;
    case IN_CONSTRUCTOR:
      /* What began in the constructor goes on. */
      return make_call (wanted.which) && call_malloc (sydra_alloc_default ()) ? 0 : 3;
    default:
      if (pthread_create (&thread, NULL, run_thread, NULL) != 0)
        return 4;
      pthread_join (thread, NULL);
      return call_malloc (sydra_alloc_default ()) ? 0 : 3;
    }
}

static void
start_with (enum place place, unsigned which)
{
  int status = 0;
  pid_t pid;

  fflush (NULL);
  pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid == 0)
    {
      char value[32], *arguments[] = { (char[]) { "first" }, NULL };

      snprintf (value, sizeof value, "%u %u", (unsigned) place, which);
      setenv (FIRST, value, 1);
      execve ("/proc/self/exe", arguments, environ);
      _exit (7);
    }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0, "call %u in place %u: status %x",
                 which, (unsigned) place, (unsigned) status);
}

START_TEST (any_call_may_be_the_first_of_the_process)
{
  for (unsigned which = 0; which < call_count; which++)
    start_with ((enum place) _i, which);
}
END_TEST

/* ---- First calls of a thread on a handle that others use ---- */

struct given {
  unsigned which;
  bool good, in_destructor;
};

static pthread_key_t key;

static void
call_at_end (void *value)
{
  struct given *given = value;

  given->good = calls[given->which].make (a);
}

static void *
call_first (void *argument)
{
  struct given *given = argument;

  if (given->in_destructor)
    pthread_setspecific (key, given);
  else
    given->good = calls[given->which].make (a);
  return NULL;
}

START_TEST (any_call_may_be_the_first_of_a_thread)
{
  ck_assert_int_eq (pthread_key_create (&key, call_at_end), 0);
  ck_assert (call_malloc (a));
  for (unsigned which = 0; which < call_count; which++)
    for (unsigned late = 0; late < 2; late++)
      {
        struct given given = { which, false, late == 1 };
        (void) in_a_thread (call_first, &given);
        ck_assert_msg (given.good, "call %u, in a destructor: %u", which, late);
      }
  pthread_key_delete (key);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

void
contract_add_first (Suite *suite)
{
  TCase *tests = contract_case (suite, "first calls", 30);

  tcase_add_loop_test (tests, any_call_may_be_the_first_of_the_process, 0, PLACES);
  tcase_add_test (tests, any_call_may_be_the_first_of_a_thread);
}
