/* SPDX-License-Identifier: MIT */
/*
 * suite.h: what every test program needs: a seed, a generator of random numbers, and a run of the
 * suite that returns the exit status.  All files of a program share one seed, which is printed.
 *
 * SYDRA_SEED=N sets the seed, SYDRA_LONG=1 asks for the long form of the tests.  CK_FORK=no,
 * CK_RUN_CASE and the other variables of check work as usual.
 */
#ifndef SY_TEST_SUITE_H
#define SY_TEST_SUITE_H

#include <check.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"

/* These sanitizers reserve terabytes and intercept the allocator's system calls. */
#define TEST_SANITIZED (SY_ADDRESS_SANITIZER || SY_THREAD_SANITIZER)

/*
 * Tests ask for impossible sizes on purpose.  The sanitizers' malloc must then return NULL, as the
 * C library's does.  Their deadlock detector aborts when a thread holds more than 64 locks, and a
 * fork holds more.  Debug builds check the order of the locks themselves.
 */
#if TEST_SANITIZED
#define DEFAULT_OPTIONS(name) \
  const char *name (void) __attribute__ ((weak, visibility ("default"))); \
  const char *name (void) { return "allocator_may_return_null=1:detect_deadlocks=0"; }
DEFAULT_OPTIONS (__asan_default_options)
DEFAULT_OPTIONS (__tsan_default_options)
#endif

/*
 * SYDRA_LONG=1, as "make check-all" sets it: the test does all that it can.  Otherwise it may take
 * fewer steps, or a part of all cases that the seed chooses.
 */
static inline bool
test_is_long (void)
{
  return getenv ("SYDRA_LONG") != NULL;
}

/* How many steps to take: all in the long form, or else a quarter; with a sanitizer so many. */
static inline unsigned
test_steps (unsigned sanitized, unsigned all)
{
  return TEST_SANITIZED ? sanitized : test_is_long () ? all : all / 4;
}

/*
 * ck_assert_msg for loops that run a million times.  It calls check only on failure, as check notes
 * the line at each call.
 */
#define test_must(condition, ...) ((condition) ? (void) 0 : ck_abort_msg (__VA_ARGS__))

/* SplitMix64.  Each thread has one, seeded from test_seed () and a number of its own. */
struct test_random
{
  uint64_t state;
};

static inline uint64_t
test_random_next (struct test_random *random)
{
  uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* A number from 0 to limit - 1. */
static inline size_t
test_random_below (struct test_random *random, size_t limit)
{
  return (size_t) (test_random_next (random) % limit);
}

/* The program's seed, once it is known.  Weak, so that the files of a program share it. */
struct test_seed
{
  uint64_t value;
  int known;
};
extern struct test_seed test_seed_of_all;
struct test_seed test_seed_of_all __attribute__ ((weak));

/*
 * The program's seed: SYDRA_SEED, or else one from the time and the process.  The first call prints
 * it as a TAP comment.
 */
static inline uint64_t
test_seed (void)
{
  struct test_seed *seed = &test_seed_of_all;

  if (!seed->known)
    {
      const char *given = getenv ("SYDRA_SEED");
      struct timespec now;

      clock_gettime (CLOCK_REALTIME, &now);
      if (given && *given)
        seed->value = strtoull (given, NULL, 0);
      else
        seed->value = ((uint64_t) now.tv_sec * 1000003u ^ (uint64_t) now.tv_nsec
                       ^ (uint64_t) getpid () << 32)
                      & UINT32_MAX;
      seed->known = 1;
      printf ("# seed %" PRIu64 "\n", seed->value);
      fflush (stdout);
    }
  return seed->value;
}

/* A generator for each number; another number gives another sequence. */
static inline struct test_random
test_random_make (uint64_t number)
{
  struct test_random random = { test_seed () + number * 0xd1342543de82ef95u };

  return random;
}

/*
 * Adds a test case with a time limit, which ends a hang.  The limit is four times the given
 * seconds, as a machine may be shared or fork slowly, and ten times with a sanitizer.
 * CK_TIMEOUT_MULTIPLIER makes it longer still.
 */
static inline TCase *
test_case (Suite *suite, const char *name, double seconds)
{
  TCase *tests = tcase_create (name);

  tcase_set_timeout (tests, (TEST_SANITIZED ? 10 : 4) * seconds);
  suite_add_tcase (suite, tests);
  return tests;
}

/* Runs the suite and returns the exit status for main.  The seed is fixed before any test forks. */
static inline int
test_run (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  int failed;

  test_seed ();
  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* For a program that cannot run here: says so in TAP and returns the exit status. */
static inline int
test_skip_all (const char *reason)
{
  printf ("1..0 # SKIP %s\n", reason);
  return EXIT_SUCCESS;
}

#endif
