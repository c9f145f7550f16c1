/* SPDX-License-Identifier: MIT */
/*
 * contract_first.c: any call may be the first of the process or of a thread, and may come from a constructor, an atexit handler or a TLS
 * destructor.  For the process's first call the test starts its own program again, with the call and the place in its environment.
 */
#include <config.h>

#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"
#include "threads.h"

#define FIRST "SYDRA_TEST_FIRST"

extern char **environ;

/* ---- The calls: each on the handle, or on one that it gets itself; true: it did what it should. ---- */

static bool
with_malloc (struct sydra_alloc *handle)
{
  void *block = sydra_malloc (handle, 100);

  if (block == NULL)
    return false;
  memset (block, 1, 100);
  sydra_free (handle, block);
  return true;
}

static bool
first_version (struct sydra_alloc *handle)
{
  (void) handle;
  return strcmp (sydra_alloc_version (), PACKAGE_VERSION) == 0;
}

static bool
first_mode (struct sydra_alloc *handle)
{
  (void) handle;
  return sydra_alloc_mode ()[0] != '\0' && sydra_alloc_is_small_pool () + sydra_alloc_is_mimalloc () < 2;
}

static bool
first_shards (struct sydra_alloc *handle)
{
  (void) handle;
  return sydra_alloc_shards () <= 1024;
}

static bool
first_create (struct sydra_alloc *handle)
{
  struct sydra_alloc *created = sydra_alloc_create (NULL);

  (void) handle;
  return created != NULL && with_malloc (created) && sydra_alloc_destroy (created) == 0;
}

static bool
first_destroy (struct sydra_alloc *handle)
{
  struct sydra_alloc *created = sydra_alloc_create (NULL);

  (void) handle;
  return created != NULL && sydra_alloc_destroy (created) == 0;
}

static bool
first_default (struct sydra_alloc *handle)
{
  (void) handle;
  return sydra_alloc_default () == sydra_alloc_default () && with_malloc (sydra_alloc_default ());
}

static bool
first_calloc (struct sydra_alloc *handle)
{
  char *block = sydra_calloc (handle, 10, 10);
  bool good = block != NULL && contract_is_zero (block, 100);

  sydra_free (handle, block);
  return good;
}

static bool
first_realloc (struct sydra_alloc *handle)
{
  void *block = sydra_realloc (handle, NULL, 100);

  sydra_free (handle, block);
  return block != NULL;
}

static bool
first_aligned (struct sydra_alloc *handle)
{
  void *block = sydra_aligned_alloc (handle, 128, 100);
  bool good = block != NULL && contract_is_aligned (block, 128);

  sydra_free_aligned_sized (handle, block, 128, 100);
  return good;
}

static bool
first_large (struct sydra_alloc *handle)
{
  void *block = sydra_malloc (handle, 1000000);

  sydra_free (handle, block);
  return block != NULL;
}

static bool
first_free_null (struct sydra_alloc *handle)
{
  sydra_free (handle, NULL);
  sydra_free_sized (handle, NULL, 1);
  sydra_free_aligned_sized (handle, NULL, 1, 1);
  return with_malloc (handle);
}

static bool
first_batch (struct sydra_alloc *handle)
{
  void *block[200];
  bool good = sydra_malloc_batch (handle, 40, 200, block) == 200;

  sydra_free_batch (handle, good ? 200 : 0, block);
  return good;
}

static bool
first_free_batch (struct sydra_alloc *handle)
{
  void *block[2] = { NULL, NULL };

  sydra_free_batch (handle, 2, block);
  return with_malloc (handle);
}

static bool
first_usable (struct sydra_alloc *handle)
{
  return sydra_usable_size (handle, NULL) == 0 && with_malloc (handle);
}

static bool
first_good_size (struct sydra_alloc *handle)
{
  return sydra_good_size (handle, 100) >= 100 && with_malloc (handle);
}

static bool
first_owns (struct sydra_alloc *handle)
{
  return !sydra_owns (handle, NULL) && !sydra_owns (handle, &handle) && with_malloc (handle);
}

static bool
first_collect (struct sydra_alloc *handle)
{
  (void) sydra_collect (handle);
  return with_malloc (handle);
}

static bool
first_interface (struct sydra_alloc *handle)
{
  struct sydra_allocator value = sydra_alloc_interface (handle);
  void *block = value.alloc (value.ctx, 10, 1);

  block = block == NULL ? NULL : value.remap (value.ctx, block, 10, 1, 400);
  if (block == NULL || !value.resize (value.ctx, block, 400, 1, 399))
    return false;
  value.free (value.ctx, block, 399, 1);
  return true;
}

static bool
first_stats (struct sydra_alloc *handle)
{
  struct sydra_stats stats = { .size = sizeof stats };

  return sydra_stats_get (handle, &stats) == 0 && with_malloc (handle);
}

static int
discard (void *ctx, const char *text, size_t length)
{
  (void) ctx;
  (void) text;
  (void) length;
  return 0;
}

static bool
first_write (struct sydra_alloc *handle)
{
  return sydra_stats_write (handle, SYDRA_STATS_TEXT, discard, NULL) == 0 && with_malloc (handle);
}

static bool (*const call[]) (struct sydra_alloc *) = {
  with_malloc, first_version, first_mode, first_shards, first_create, first_destroy, first_default, first_calloc, first_realloc, first_aligned,
  first_large, first_free_null, first_batch, first_free_batch, first_usable, first_good_size, first_owns, first_collect, first_interface,
  first_stats, first_write
};

#define CALLS (sizeof call / sizeof *call)

/* Those that take no handle get none, so that they are the first indeed. */
static bool
is_on_a_handle (unsigned which)
{
  return which == 0 || which >= 7;
}

static bool
make_call (unsigned which)
{
  return call[which](is_on_a_handle (which) ? sydra_alloc_default () : NULL);
}

/* ---- The places: from a program that was started for this. ---- */

enum place { IN_MAIN, IN_CONSTRUCTOR, IN_ATEXIT, IN_DESTRUCTOR_OF_LIBRARY, IN_THREAD, IN_TLS_DESTRUCTOR, IN_SIXTH_TLS_DESTRUCTOR, PLACES };

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
      if (pthread_key_create (&key[at], call_or_die) != 0 || pthread_setspecific (key[at], &wanted) != 0)
        _exit (4);
  return NULL;
}

/* Before the library's own constructor, where it is linked in. */
__attribute__ ((constructor (101))) static void
at_start (void)
{
  const char *first = getenv (FIRST);
  unsigned place;

  if (first == NULL || sscanf (first, "%u %u", &place, &wanted.which) != 2 || place >= PLACES || wanted.which >= CALLS)
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
      return make_call (wanted.which) && with_malloc (sydra_alloc_default ()) ? 0 : 3;
    default:
      if (pthread_create (&thread, NULL, run_thread, NULL) != 0)
        return 4;
      pthread_join (thread, NULL);
      return with_malloc (sydra_alloc_default ()) ? 0 : 3;
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
  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0, "call %u in place %u: status %x", which, (unsigned) place, (unsigned) status);
}

START_TEST (any_call_may_be_the_first_of_the_process)
{
  for (unsigned which = 0; which < CALLS; which++)
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

  given->good = call[given->which](a);
}

static void *
call_first (void *argument)
{
  struct given *given = argument;

  if (given->in_destructor)
    pthread_setspecific (key, given);
  else
    given->good = call[given->which](a);
  return NULL;
}

START_TEST (any_call_may_be_the_first_of_a_thread)
{
  ck_assert_int_eq (pthread_key_create (&key, call_at_end), 0);
  ck_assert (with_malloc (a));
  for (unsigned which = 0; which < CALLS; which++)
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

/* Destructors that come back in every pass: before and after the library's own.  ThreadSanitizer ends a thread's state in the last one. */
enum { KEYS = 40, PASSES = SY_THREAD_SANITIZER ? 3 : 4 };
static pthread_key_t many_keys[KEYS];
static void *kept[KEYS];

struct late {
  unsigned which, passes;
};

static void
free_and_allocate (void *value)
{
  struct late *late = value;

  sydra_free (a, kept[late->which]);
  kept[late->which] = sydra_malloc (a, late->which * 13 + late->passes);
  test_must (kept[late->which] != NULL, "no block in pass %u", late->passes);
  contract_stamp (kept[late->which], late->which * 13 + late->passes, late->which);
  if (++late->passes < PASSES)
    pthread_setspecific (many_keys[late->which], late);
}

static void *
use_and_end (void *argument)
{
  struct late *late = argument;

  for (unsigned at = 0; at < KEYS; at++)
    {
      late[at] = (struct late) { at, 0 };
      sydra_free (a, kept[at]);
      kept[at] = sydra_malloc (a, at * 13);
      pthread_setspecific (many_keys[at], &late[at]);
    }
  return NULL;
}

START_TEST (destructors_free_and_allocate_in_every_pass)
{
  static struct late late[KEYS];

  for (unsigned at = 0; at < KEYS; at++)
    ck_assert_int_eq (pthread_key_create (&many_keys[at], free_and_allocate), 0);
  for (unsigned round = 0; round < 50; round++)
    {
      (void) in_a_thread (use_and_end, late);
      for (unsigned at = 0; at < KEYS; at++)
        {
          ck_assert_uint_eq (late[at].passes, PASSES);
          ck_assert (contract_stamped (kept[at], at * 13 + PASSES - 1, at));
        }
      ck_assert_uint_eq (contract_stats (a).in_use, KEYS);
    }
  sydra_free_batch (a, KEYS, kept);
  memset (kept, 0, sizeof kept);
  for (unsigned at = 0; at < KEYS; at++)
    pthread_key_delete (many_keys[at]);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, 0);
}
END_TEST

void
contract_add_first (Suite *suite)
{
  TCase *tests = contract_case (suite, "first calls", 30);

  tcase_add_loop_test (tests, any_call_may_be_the_first_of_the_process, 0, PLACES);
  tcase_add_test (tests, any_call_may_be_the_first_of_a_thread);
  tcase_add_test (tests, destructors_free_and_allocate_in_every_pass);
}
