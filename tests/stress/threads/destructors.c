/* SPDX-License-Identifier: MIT */
/* destructors.c: destructors of thread-specific data, before and after the library's own. */
#include <config.h>

#include <limits.h>
#include <string.h>

#include "blocks.h"
#include "threads.h"

static pthread_key_t early_key, late_key;
static bool keys_made;

static void *
make_value (void)
{
  void *value = sydra_malloc (shared_handle, 40);

  test_must (value != NULL, "out of memory");
  allocated++;
  return memset (value, 0x5a, 40);
}

static void
destructor (void *value)
{
  struct test_random random = test_random_make (3);
  struct stamped block = make_block (&random, 5, 1);

  for (unsigned at = 0; at < 40; at++)
    test_must (((const char *) value)[at] == 0x5a, "byte %u of a value is another's", at);
  sydra_free (shared_handle, value);
  end_block (&block);
  count_thread ();
}

/* ThreadSanitizer takes leave of the thread in the last pass, before this key's turn: what it
   watches may not run after that. */
#ifndef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS 4
#endif
#define PASSES (PTHREAD_DESTRUCTOR_ITERATIONS - (SY_THREAD_SANITIZER ? 1 : 0))

static __thread int passes;

/* Comes in each pass, the last one too: by then the library has taken leave of the thread. */
static void
destructor_to_the_last (void *value)
{
  destructor (value);
  if (++passes < PASSES)
    (void) pthread_setspecific (late_key, make_value ());
  count_thread ();
}

/* The library's own key is made by the first allocation of a thread; one key before it, one
   after. */
static void
make_keys (void)
{
  begin ();
  if (!keys_made)
    {
      ck_assert_int_eq (pthread_key_create (&early_key, destructor), 0);
      sydra_free (shared_handle, make_value ());
      ck_assert_int_eq (pthread_key_create (&late_key, destructor_to_the_last), 0);
    }
  keys_made = true;
  count_thread ();
}

static void *
end_with_values (void *argument)
{
  (void) argument;
  (void) pthread_setspecific (early_key, make_value ());
  (void) pthread_setspecific (late_key, make_value ());
  count_thread ();
  return NULL;
}

START_TEST (destructors_allocate_and_free)
{
  make_keys ();
  for (unsigned at = 0; at < 200; at++)
    (void) in_a_thread (end_with_values, NULL);
  must_be_quiet ();
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

static void *
end_with_a_value_of_another (void *value)
{
  (void) pthread_setspecific (early_key, value);
  return NULL;
}

START_TEST (a_thread_may_make_its_first_call_in_a_destructor)
{
  make_keys ();
  for (unsigned at = 0; at < 200; at++)
    (void) in_a_thread (end_with_a_value_of_another, make_value ());
  count_thread ();
  must_be_quiet ();
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

/* ---- A thread that comes to the allocator only as it ends ---- */

static pthread_key_t pass_key;
static __thread unsigned passes_of_late;

static void
late_destructor (void *value)
{
  if (++passes_of_late < PASSES - 1)
    (void) pthread_setspecific (pass_key, value);
  else
    sydra_free (shared_handle, sydra_malloc (shared_handle, 48));
}

static void *
only_set_the_value (void *argument)
{
  (void) pthread_setspecific (pass_key, argument);
  return NULL;
}

START_TEST (threads_that_come_late_leave_nothing_behind)
{
  struct sydra_stats stats;
  uint64_t committed = 0;

  begin ();
  sydra_free (shared_handle, sydra_malloc (shared_handle, 1));
  ck_assert_int_eq (pthread_key_create (&pass_key, late_destructor), 0);
  stats.size = sizeof stats;
  for (unsigned at = 0; at < 1000; at++)
    {
      (void) in_a_thread (only_set_the_value, &stats);
      ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
      if (at == 100)
        committed = stats.committed_bytes;
    }
  ck_assert_uint_le (stats.committed_bytes, committed);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

void
threads_add_destructors (Suite *suite)
{
  TCase *tests = test_case (suite, "destructors", 120);

  tcase_add_test (tests, destructors_allocate_and_free);
  tcase_add_test (tests, a_thread_may_make_its_first_call_in_a_destructor);
  tcase_add_test (tests, threads_that_come_late_leave_nothing_behind);
}
