/* SPDX-License-Identifier: MIT */
/* no_cache_test.c: which calls make a thread's cache, and what a thread without one leaves
   behind. */
#include <config.h>

#include "threads.h"
#include "unit/one_handle.h"

/* A little more than a thread frees without a cache. */
enum { BLOCKS = SY_FREES_ALONE + 2 };

static void *blocks[BLOCKS];

static void
make_blocks (size_t size)
{
  for (unsigned at = 0; at < BLOCKS; at++)
    ck_assert_ptr_nonnull (blocks[at] = sydra_malloc (a, size));
}

static unsigned
caches (void)
{
  return (unsigned) AO_load (&a->domain.participants);
}

/* ---- Calls ---- */

static void
ask_all (void)
{
  struct sydra_stats stats = { .size = sizeof stats };

  sydra_free (a, NULL);
  sydra_free_sized (a, NULL, 1);
  sydra_free_batch (a, 1, &(void *) { NULL });
  (void) sydra_free_deferred (a, NULL);
  test_must (sydra_usable_size (a, blocks[0]) >= 100 && sydra_usable_size (a, NULL) == 0,
             "usable size");
  test_must (sydra_resize (a, blocks[0], 50), "resize");
  test_must (sydra_realloc (a, blocks[0], 90) == blocks[0], "realloc in place");
  (void) sydra_owns (a, blocks[0]);
  (void) sydra_good_size (a, 100);
  test_must (sydra_stats_get (a, &stats) == 0, "stats");
  (void) sydra_epoch_advance (a);
  test_must (sydra_epoch_synchronize (a) == 0, "synchronize");
  (void) sydra_collect (a);
}

/* Returns how many caches there are while the thread is there. */
static void *
ask_and_count (void *argument)
{
  ask_all ();
  *(unsigned *) argument = caches ();
  return NULL;
}

START_TEST (no_call_that_asks_makes_a_cache)
{
  unsigned during = 0, before;

  make_blocks (100);
  before = caches ();
  ck_assert_uint_eq (before, 1);
  in_a_thread (ask_and_count, &during);
  ck_assert_uint_eq (during, before);
}
END_TEST

struct frees {
  unsigned count, caches;
  bool deferred;
};

static void *
free_and_count (void *argument)
{
  struct frees *frees = argument;

  for (unsigned at = 0; at < frees->count; at++)
    if (frees->deferred)
      test_must (sydra_free_deferred (a, blocks[at]) == 0, "deferred");
    else
      sydra_free (a, blocks[at]);
  frees->caches = caches ();
  return NULL;
}

static unsigned
caches_after (unsigned count, size_t size, bool deferred)
{
  struct frees frees = { count, 0, deferred };

  (void) sydra_collect (a);  /* what was deferred before would be freed by this thread */
  make_blocks (size);
  in_a_thread (free_and_count, &frees);
  for (unsigned at = count; at < BLOCKS; at++)
    sydra_free (a, blocks[at]);
  return frees.caches;
}

START_TEST (a_thread_that_frees_little_has_no_cache)
{
  static const size_t sizes[] = { 16, 200, 3000, 100000 };

  for (unsigned at = 0; at < sizeof sizes / sizeof *sizes; at++)
    for (unsigned deferred = 0; deferred < 2; deferred++)
      {
        ck_assert_uint_eq (caches_after (1, sizes[at], deferred != 0), 1);
        /* What was deferred may be freed by the same thread. */
        ck_assert_uint_eq (
          caches_after (deferred ? SY_FREES_ALONE / 2 : SY_FREES_ALONE, sizes[at], deferred != 0),
          1);
      }
  (void) sydra_collect (a);
  ck_assert_uint_eq (stats_now ().in_use, 0);
}
END_TEST

START_TEST (a_thread_that_goes_on_freeing_has_one)
{
  ck_assert_uint_eq (caches_after (SY_FREES_ALONE + 1, 64, false), 2);
  ck_assert_uint_eq (caches_after (SY_FREES_ALONE + 1, 64, true), 2);
  ck_assert_uint_eq (caches (), 1);
}
END_TEST

/* ---- The books ---- */

START_TEST (high_water_marks_know_what_was_freed_without_a_cache)
{
  enum { ROUNDS = 300 };
  static const size_t sizes[] = { 64, 100000 };

  for (unsigned at = 0; at < sizeof sizes / sizeof *sizes; at++)
    for (unsigned round = 0; round < ROUNDS; round++)
      (void) caches_after (SY_FREES_ALONE, sizes[at], false);

  struct sydra_stats stats = stats_now ();

  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_eq (stats.in_use_bytes, 0);
  for (unsigned class = 0; class < stats.class_count; class++)
    if (stats.classes[class].size == 64)
      ck_assert_uint_le (stats.classes[class].high_water, 3 * BLOCKS);
  /* The thread that allocates tells the handle of so many bytes at a time, and the others' frees
     come in between. */
  ck_assert_uint_ge (stats.high_water_bytes + (size_t) SY_PUBLISH_BYTES, BLOCKS * 100000u);
  ck_assert_uint_le (stats.high_water_bytes, 2 * BLOCKS * 100000u);
}
END_TEST

/* ---- The end of a thread ---- */

enum { PASSES = SY_THREAD_SANITIZER ? 3 : 4 };

static pthread_key_t key;

/* In the last pass of destructors, when nobody would hand in a cache any more. */
static void
free_at_the_end (void *value)
{
  unsigned *pass = value;

  if (++*pass < PASSES)
    {
      (void) pthread_setspecific (key, pass);
      return;
    }
  ask_all ();
  for (unsigned at = 1; at < SY_FREES_ALONE; at++)
    sydra_free (a, blocks[at]);
}

static void *
end_late (void *argument)
{
  (void) pthread_setspecific (key, argument);
  return NULL;
}

START_TEST (threads_that_free_in_their_last_pass_leave_nothing)
{
  /* The library's own key comes first, and so does its destructor in each pass. */
  (void) mine ();
  ck_assert_int_eq (pthread_key_create (&key, free_at_the_end), 0);
  for (unsigned round = 0; round < 50; round++)
    {
      unsigned pass = 0;

      make_blocks (100);
      in_a_thread (end_late, &pass);
      ck_assert_uint_eq (pass, PASSES);
      ck_assert_uint_eq (caches (), 1);
      sydra_free (a, blocks[0]);
      for (unsigned at = SY_FREES_ALONE; at < BLOCKS; at++)
        sydra_free (a, blocks[at]);
      ck_assert_uint_eq (stats_now ().in_use, 0);
    }
  pthread_key_delete (key);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("no_cache");
  TCase *tests = test_case (suite, "no cache", 30);

  tcase_add_checked_fixture (tests, set_up, NULL);
  tcase_add_test (tests, no_call_that_asks_makes_a_cache);
  tcase_add_test (tests, a_thread_that_frees_little_has_no_cache);
  tcase_add_test (tests, a_thread_that_goes_on_freeing_has_one);
  tcase_add_test (tests, high_water_marks_know_what_was_freed_without_a_cache);
  tcase_add_test (tests, threads_that_free_in_their_last_pass_leave_nothing);
  return test_run (suite);
}
