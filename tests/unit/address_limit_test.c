/* SPDX-License-Identifier: MIT */
/* address_limit_test.c: the library under real limits on address space, as of ulimit -v, with
   few and many threads. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "child.h"
#include "pool/size_class.h"
#include "suite.h"
#include "sydra/alloc.h"

#define MIB ((size_t) 1 << 20)
#define THREADS_MAX 32
/* Memory really touched, at most. */
#define TOUCHED_MAX (320 * MIB)

struct setting
{
  size_t limit;
  unsigned threads;
};

static const struct setting settings[] = { { 32 * MIB, 1 },   { 32 * MIB, 8 },   { 32 * MIB, 32 },
                                           { 64 * MIB, 1 },   { 64 * MIB, 8 },   { 64 * MIB, 32 },
                                           { 128 * MIB, 8 },  { 256 * MIB, 1 },  { 256 * MIB, 8 },
                                           { 256 * MIB, 32 }, { 1024 * MIB, 1 }, { 1024 * MIB, 8 },
                                           { 1024 * MIB, 32 } };

static struct sydra_alloc *a;
static pthread_barrier_t barrier;

struct worker
{
  unsigned number;
  size_t bytes_max;
  uintptr_t *first;   /* a list through the blocks: next, size, stamp */
  size_t blocks, bytes;
};

static struct worker workers[THREADS_MAX];

static bool
push (struct worker *worker, size_t size)
{
  uintptr_t *block;

  errno = 0;
  block = sydra_malloc (a, size);
  require (block != NULL || errno == ENOMEM, "NULL with errno %d", errno);
  if (block == NULL)
    return false;
  block[0] = (uintptr_t) worker->first;
  block[1] = size;
  block[2] = (uintptr_t) block ^ worker->number;
  worker->first = block;
  worker->blocks++;
  worker->bytes += size;
  return true;
}

static void
pop (struct worker *worker)
{
  uintptr_t *block = worker->first;

  require (block[2] == ((uintptr_t) block ^ worker->number), "block %p lost its contents",
           (void *) block);
  worker->first = (uintptr_t *) block[0];
  worker->blocks--;
  worker->bytes -= block[1];
  sydra_free_sized (a, block, block[1]);
}

/* Mostly small; else anything that the pool serves, and a little more. */
static size_t
some_size (struct test_random *random)
{
  return 24 + test_random_below (random, test_random_below (random, 150) ? 233 : 140000);
}

static void *
fill_and_empty (void *argument)
{
  struct worker *worker = argument;
  struct test_random random = test_random_make (worker->number);

  /* All threads have their stacks before one takes the rest. */
  pthread_barrier_wait (&barrier);
  while (worker->bytes < worker->bytes_max && push (worker, some_size (&random)))
    ;
  pthread_barrier_wait (&barrier);
  /* All are at the limit now, and half of each goes. */
  for (size_t left = worker->blocks / 2; worker->blocks > left;)
    pop (worker);
  pthread_barrier_wait (&barrier);
  for (unsigned step = 0; step < 1000; step++)
    if (test_random_below (&random, 2))
      (void) push (worker, some_size (&random));
    else if (worker->blocks != 0)
      pop (worker);
  while (worker->blocks != 0)
    pop (worker);
  return NULL;
}

static void
fill_with_threads (const struct setting *setting)
{
  size_t stack = 128 * 1024, goal = setting->limit + setting->limit / 4;
  pthread_t thread[THREADS_MAX];
  pthread_attr_t attributes;

  goal = goal < TOUCHED_MAX ? goal : TOUCHED_MAX;
  require (pthread_attr_init (&attributes) == 0
             && pthread_attr_setstacksize (&attributes, stack) == 0,
           "attributes");
  require (pthread_barrier_init (&barrier, NULL, setting->threads) == 0, "barrier");
  for (unsigned at = 0; at < setting->threads; at++)
    {
      workers[at] = (struct worker) { at, goal / setting->threads, NULL, 0, 0 };
      require (pthread_create (&thread[at], &attributes, fill_and_empty, &workers[at]) == 0,
               "no room for thread %u", at);
    }
  for (unsigned at = 0; at < setting->threads; at++)
    pthread_join (thread[at], NULL);
}

/* How much the range comes to at least: all but the stacks, the program and what is known of
   slabs; but no more than what is touched. */
static size_t
least_of_the_range (const struct setting *setting)
{
  size_t goal = setting->limit < TOUCHED_MAX ? setting->limit : TOUCHED_MAX;

  return SY_WORD_BITS == 64 ? goal / 4 : (size_t) 1 << 20;
}

static int
run_under_limit (void *argument)
{
  const struct setting *setting = argument;
  struct rlimit limit = { setting->limit, setting->limit };
  struct sydra_stats stats = { .size = sizeof stats };

  require (setrlimit (RLIMIT_AS, &limit) == 0, "setrlimit: errno %d", errno);
  errno = 0;
  a = sydra_alloc_create (NULL);
  require (a != NULL, "no handle: errno %d", errno);
  for (unsigned round = 0; round < 2; round++)
    {
      fill_with_threads (setting);
      require (sydra_stats_get (a, &stats) == 0 && stats.in_use == 0 && stats.in_use_bytes == 0,
               "%zu blocks in use", (size_t) stats.in_use);
      require (round > 0 || stats.shard_hits > 0, "the pool served nothing");
      /* A block is the C library's only where the range has no room, so most of the limit is the
         range's. */
      require (stats.reserved_bytes <= setting->limit
                 && stats.reserved_bytes >= least_of_the_range (setting),
               "%zu bytes mapped", (size_t) stats.reserved_bytes);
      (void) sydra_collect (a);
    }
  for (size_t size = 0; size <= 140000; size += 150)
    {
      void *block = sydra_malloc (a, size);

      require (block != NULL, "no %zu bytes after all were freed", size);
      require (sydra_usable_size (a, block) >= size, "a block of %zu bytes has fewer", size);
      if (size % 100 == 0)
        sydra_free (a, block);
      else
        require (sydra_free_deferred (a, block) == 0, "a block of %zu bytes cannot be deferred",
                 size);
    }
  (void) sydra_collect (a);
  require (sydra_alloc_destroy (a) == 0, "blocks live at the end");
  return 0;
}

START_TEST (a_limit_ends_in_enomem_and_freeing_ends_that)
{
  struct child child = child_run (run_under_limit, (void *) (uintptr_t) &settings[_i]);

  ck_assert_msg (child.status == 0, "%zu MiB, %u threads: status %x: %s", settings[_i].limit / MIB,
                 settings[_i].threads, (unsigned) child.status, child.text);
}
END_TEST

/* Every second block of 4 KiB goes, so that no unit is free; and most of some that need not be
   aligned to 16 bytes. */
static int
take_longer_blocks (void *nothing)
{
  struct rlimit limit = { 64 * MIB, 64 * MIB };
  struct worker worker = { .bytes_max = SIZE_MAX };
  void *odd[1000];
  uintptr_t *block, *next;

  (void) nothing;
  require (setrlimit (RLIMIT_AS, &limit) == 0, "setrlimit: errno %d", errno);
  a = sydra_alloc_create (NULL);
  require (a != NULL, "no handle: errno %d", errno);
  for (unsigned at = 0; at < 1000; at++)
    odd[at] = sydra_aligned_alloc (a, 8, 24);
  while (push (&worker, 4096))
    ;
  while (push (&worker, 24))
    ;
  for (unsigned at = 1; at < 1000; at++)
    sydra_free (a, odd[at]);
  for (block = worker.first; block != NULL && block[0] != 0; block = (uintptr_t *) block[0])
    {
      next = (uintptr_t *) block[0];
      if (next[1] != 4096)
        continue;
      block[0] = next[0];
      sydra_free (a, next);
    }
  (void) sydra_collect (a);
  for (size_t at = 0; at < 5000; at++)
    {
      size_t size = at < 4000 ? 16 : 24 + (at - 4000);

      block = sydra_malloc (a, size);
      require (block != NULL, "no %zu bytes where thousands of 4 KiB are free", size);
      require ((uintptr_t) block % SY_GRANULE == 0, "%p", (void *) block);
      memset (block, 255, size);
      require (sydra_usable_size (a, block) >= size, "too short");
    }
  require (sydra_aligned_alloc (a, 2 * MIB, 24) == NULL && errno == ENOMEM, "aligned");
  return 0;
}

START_TEST (a_class_without_room_has_longer_blocks)
{
  struct child child = child_run (take_longer_blocks, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

int
main (void)
{
  if (TEST_SANITIZED)
    return test_skip_all ("a sanitizer needs terabytes of address space");

  Suite *suite = suite_create ("address_limit");
  TCase *tests = test_case (suite, "limits", 60);

  tcase_add_test (tests, a_class_without_room_has_longer_blocks);
  tcase_add_loop_test (tests, a_limit_ends_in_enomem_and_freeing_ends_that, 0,
                       (int) (sizeof settings / sizeof *settings));
  return test_run (suite);
}
