/* SPDX-License-Identifier: MIT */
/*
 * fork.c: forks in the middle of everything.  Threads allocate, free, make and end handles; each
 * child frees what its parent had, allocates, starts threads and forks again while they run, three
 * deep.  A child that hangs is ended by its alarm, and that is a failure.
 *
 * Every block is filled with a byte of its holder's own and checked before it is freed: a block
 * that a thread of the parent's held at the fork stays that thread's in the child, though it is not
 * there, and is nobody else's.
 */
#include <config.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>

#include "sydra/alloc.h"
#include "suite.h"

#define THREADS 8
#define FORKS 200u
#define FORKS_LEAST 20u
#define SECONDS 20  /* after so many no more than the least: where the system forks slowly */
#define KEPT 500
#define HELD 300
#define CHILD_ROUNDS 1000
#define CHILD_ROUNDS_FEW 100
#define DEPTH 3
#define LIMIT_S 100

static struct sydra_alloc *a;
static bool stop;  /* relaxed: a late answer costs one more round */

struct block
{
  unsigned char *bytes;  /* NULL: none */
  size_t size;
  unsigned char mark;
};

/* For children and threads: a failure that ends the process. */
static void
must (bool condition)
{
  if (!condition)
    abort ();
}

static void
make (struct block *block, size_t size, unsigned char mark)
{
  block->bytes = sydra_malloc (a, size);
  block->size = size;
  block->mark = mark;
  must (block->bytes != NULL);
  memset (block->bytes, mark, size);
}

static void
end (struct block *block)
{
  if (block->bytes == NULL)
    return;
  for (size_t at = 0; at < block->size; at++)
    must (block->bytes[at] == block->mark);
  /* A third of them, so that bags are filled, sealed and freed in the middle of forks. */
  if (block->size % 3 == 0)
    must (sydra_free_deferred (a, block->bytes) == 0);
  else
    sydra_free (a, block->bytes);
  block->bytes = NULL;
}

static void
live_and_die_as_a_handle (void)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);
  void *large;

  must (other != NULL && sydra_malloc (other, 100) != NULL && sydra_malloc (other, 5000) != NULL);
  large = sydra_malloc (other, 140000);
  must (large != NULL);
  /* The other modes' heaps would keep it for ever, thousands of times. */
  if (!sydra_alloc_is_small_pool ())
    sydra_free (other, large);
  must (sydra_alloc_destroy (other) == (sydra_alloc_is_small_pool () ? 3 : 2));
}

/* Small, of any of the pool's sizes, or now and then larger than these. */
static size_t
any_size (struct test_random *random)
{
  size_t kind = test_random_below (random, 64);

  return test_random_below (random, kind == 0   ? 200000
                                    : kind == 1 ? 131073
                                    : kind < 6  ? 32769
                                                : 257);
}

static void
one_round (struct test_random *random, struct block *held, unsigned char mark)
{
  struct block *block = &held[test_random_below (random, HELD)];
  size_t what = test_random_below (random, 2000);
  uint64_t epoch = what % 8 == 0 ? sydra_epoch_enter (a) : 0;

  end (block);
  make (block, any_size (random), mark);
  if (what % 8 == 0)
    sydra_epoch_leave (a, epoch);
  if (what == 0)
    (void) sydra_collect (a);
  else if (what < 4)
    live_and_die_as_a_handle ();
}

static void
end_all (struct block *held, unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    end (&held[at]);
}

static void *
disturb (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  struct block held[HELD] = { { NULL, 0, 0 } };

  while (!__atomic_load_n (&stop, __ATOMIC_RELAXED))
    one_round (&random, held, (unsigned char) (uintptr_t) argument);
  end_all (held, HELD);
  return NULL;
}

struct work
{
  unsigned rounds;
  unsigned char mark;
};

static void *
use (void *argument)
{
  const struct work *work = argument;
  struct test_random random = test_random_make (work->mark);
  struct block held[HELD] = { { NULL, 0, 0 } };

  for (unsigned round = 0; round < work->rounds; round++)
    one_round (&random, held, work->mark);
  end_all (held, HELD);
  return NULL;
}

/* Handles, threads and their caches are born and end in the middle of forks too. */
static void *
bear (void *argument)
{
  struct work work = { 50, (unsigned char) (uintptr_t) argument };

  while (!__atomic_load_n (&stop, __ATOMIC_RELAXED))
    {
      pthread_t thread;

      live_and_die_as_a_handle ();
      must (pthread_create (&thread, NULL, use, &work) == 0);
      must (pthread_join (thread, NULL) == 0);
    }
  return NULL;
}

static int
wait_for (pid_t child)
{
  int status;

  return child > 0 && waitpid (child, &status, 0) == child ? status : -1;
}

static int
swallow (void *ctx, const char *text, size_t length)
{
  (void) ctx;
  (void) text;
  (void) length;
  return 0;
}

static void
make_kept (struct block *kept, unsigned char mark)
{
  for (unsigned at = 0; at < KEPT; at++)
    make (&kept[at], at % 10 == 0 ? at * 80 : at, mark);
}

/* Its threads have ended: the calls that look at everything, and the end of the handle that
   threads which are not there had blocks of. */
static void
end_child (bool grandchild_is_well)
{
  struct sydra_stats stats;

  (void) sydra_collect (a);
  stats.size = sizeof stats;
  must (sydra_stats_get (a, &stats) == 0
        && sydra_stats_write (a, SYDRA_STATS_JSON, swallow, NULL) == 0);
  sydra_free (sydra_alloc_default (), sydra_malloc (sydra_alloc_default (), 10));
  (void) sydra_alloc_destroy (a);
  live_and_die_as_a_handle ();
  _exit (grandchild_is_well ? 0 : 3);
}

/* Frees the parent's blocks, lets threads run and forks again while they do.  Comes back in the
   grandchild only, with new blocks. */
static void
live_and_fork (struct block *kept, unsigned rounds, unsigned generations)
{
  struct work work[3] = { { rounds, 101 }, { rounds, 102 }, { rounds, 103 } };
  pthread_t thread[2];
  int status = 0;

  alarm (LIMIT_S);
  end_all (kept, KEPT);
  for (unsigned at = 0; at < 2; at++)
    must (pthread_create (&thread[at], NULL, use, &work[at]) == 0);
  if (generations > 1)
    {
      make_kept (kept, 99);

      pid_t child = fork ();

      if (child == 0)
        return;
      status = wait_for (child);
      end_all (kept, KEPT);
    }
  (void) use (&work[2]);
  for (unsigned at = 0; at < 2; at++)
    must (pthread_join (thread[at], NULL) == 0);
  end_child (status == 0);
}

static void
be_a_child (struct block *kept, unsigned rounds)
{
  for (unsigned generations = DEPTH; generations > 0; generations--)
    live_and_fork (kept, rounds, generations);
}

START_TEST (the_child_of_a_threaded_process_allocates)
{
  struct block kept[KEPT];
  pthread_t thread[THREADS];
  time_t until = time (NULL) + SECONDS;
  unsigned forks;

  a = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (a);
  make_kept (kept, 98);
  for (uintptr_t at = 0; at < THREADS; at++)
    ck_assert_int_eq (
      pthread_create (&thread[at], NULL, at == 0 ? bear : disturb, (void *) (at + 1)), 0);
  for (forks = 0; forks < FORKS && (forks < FORKS_LEAST || time (NULL) < until); forks++)
    {
      pid_t child = fork ();

      if (child == 0)
        be_a_child (kept, forks % 10 == 0 ? CHILD_ROUNDS : CHILD_ROUNDS_FEW);

      int status = wait_for (child);

      ck_assert_msg (status == 0, "child %u of %u: status %x", forks, FORKS, (unsigned) status);
    }
  printf ("# %u forks\n", forks);
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  for (unsigned at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_join (thread[at], NULL), 0);
  end_all (kept, KEPT);
  ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
}
END_TEST

int
main (void)
{
  if (SY_ADDRESS_SANITIZER)
    return test_skip_all (
      "AddressSanitizer's own allocator may stay locked in the child of a threaded process");
  if (SY_THREAD_SANITIZER)
    return test_skip_all (
      "ThreadSanitizer ends a child that starts a thread after a threaded process's fork");

  Suite *suite = suite_create ("fork");
  TCase *tests = test_case (suite, "fork", 300);

  tcase_add_test (tests, the_child_of_a_threaded_process_allocates);
  return test_run (suite);
}
