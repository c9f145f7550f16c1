/* SPDX-License-Identifier: MIT */
/*
 * threads.c: more threads than shards, blocks freed by others, threads that come and go.
 *
 * The oracle: every block is filled with words made of its owner's number and a sequence number, checked over its whole size just before it
 * is freed.  A block that two threads hold at once, or that is reused too early, does not keep its words.
 */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "sydra/alloc.h"
#include "suite.h"

#define THREADS 12
#define HELD 512
#define ROUNDS (TEST_THREAD_SANITIZER ? 4000u : TEST_ADDRESS_SANITIZER ? 40000u : 400000u)
#define SHORT_THREADS (TEST_SANITIZED ? 400u : 4000u)

/* ---- Stamps ---- */

struct stamped
{
  uint32_t *words;   /* NULL: no block */
  uint32_t count, stamp;
};

static void
stamp (struct stamped *block)
{
  for (uint32_t at = 0; at < block->count; at++)
    block->words[at] = block->stamp + at * 0x9e3779b9u;
}

static void
check_stamp (const struct stamped *block)
{
  for (uint32_t at = 0; at < block->count; at++)
    test_must (block->words[at] == block->stamp + at * 0x9e3779b9u, "word %u of %u of block %p is another's", at, block->count,
               (void *) block->words);
}

/* ---- A table of slots through which blocks go from thread to thread; each slot under its own lock. ---- */

#define SLOTS 1024

static struct slot
{
  pthread_mutex_t lock;
  struct stamped block;
} slots[SLOTS];

static struct sydra_alloc *shared_handle;
static pthread_barrier_t start;

static uint32_t
any_size (struct test_random *random)
{
  /* Mostly the pool's sizes, now and then one that falls back. */
  return test_random_below (random, 20) == 0 ? 257 + (uint32_t) test_random_below (random, 6000) : 4 + (uint32_t) test_random_below (random, 253);
}

static struct stamped
make_block (struct test_random *random, uint32_t owner, uint32_t sequence)
{
  struct stamped block = { NULL, any_size (random) / 4, owner << 24 | (sequence & 0xffffff) };

  if (test_random_below (random, 16) == 0)
    {
      size_t alignment = (size_t) 8 << test_random_below (random, 6);

      block.words = sydra_aligned_alloc (shared_handle, alignment, block.count * sizeof (uint32_t));
      test_must (((uintptr_t) block.words & (alignment - 1)) == 0, "%p is not aligned to %zu", (void *) block.words, alignment);
    }
  else
    block.words = sydra_malloc (shared_handle, block.count * sizeof (uint32_t));
  test_must (block.words != NULL, "out of memory");
  stamp (&block);
  return block;
}

static void
end_block (struct stamped *block)
{
  if (block->words == NULL)
    return;
  check_stamp (block);
  sydra_free (shared_handle, block->words);
  block->words = NULL;
}

/* Grown or shrunk, the words that fit are the old ones. */
static void
resize_block (struct stamped *block, struct test_random *random)
{
  struct stamped kept = *block;
  uint32_t count = any_size (random) / 4;

  if (block->words == NULL)
    return;
  block->words = sydra_realloc (shared_handle, block->words, count * sizeof (uint32_t));
  test_must (block->words != NULL, "out of memory");
  kept.words = block->words;
  kept.count = count < kept.count ? count : kept.count;
  check_stamp (&kept);
  block->count = count;
  stamp (block);
}

static void *
work (void *argument)
{
  uint32_t number = (uint32_t) (uintptr_t) argument;
  struct test_random random = test_random_make (number);
  struct stamped own[HELD];

  memset (own, 0, sizeof own);
  pthread_barrier_wait (&start);
  for (uint32_t round = 0; round < ROUNDS; round++)
    {
      struct stamped *block = &own[test_random_below (&random, HELD)];
      struct slot *slot = &slots[test_random_below (&random, SLOTS)];
      size_t what = test_random_below (&random, 100);

      if (what < 60)
        {
          end_block (block);
          *block = make_block (&random, number, round);
        }
      else if (what < 95)
        {
          /* Ours to whoever comes by next, and what somebody left there to us. */
          struct stamped mine = *block;

          pthread_mutex_lock (&slot->lock);
          *block = slot->block;
          slot->block = mine;
          pthread_mutex_unlock (&slot->lock);
        }
      else
        resize_block (block, &random);
    }
  for (unsigned at = 0; at < HELD; at++)
    end_block (&own[at]);
  return NULL;
}

static void
must_be_quiet (struct sydra_alloc *a)
{
  struct sydra_stats stats;

  stats.size = sizeof stats;
  ck_assert_int_eq (sydra_stats_get (a, &stats), 0);
  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_eq (stats.in_use_bytes, 0);
  ck_assert_uint_eq (stats.allocations, stats.frees);
  for (unsigned class = 0; class < stats.class_count; class++)
    ck_assert_uint_eq (stats.classes[class].in_use, 0);
}

START_TEST (no_block_has_two_owners_however_it_travels)
{
  pthread_t thread[THREADS];

  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  for (unsigned at = 0; at < SLOTS; at++)
    pthread_mutex_init (&slots[at].lock, NULL);
  pthread_barrier_init (&start, NULL, THREADS);
  for (uintptr_t at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, work, (void *) (at + 1)), 0);
  for (unsigned at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_join (thread[at], NULL), 0);
  for (unsigned at = 0; at < SLOTS; at++)
    end_block (&slots[at].block);
  must_be_quiet (shared_handle);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

/* ---- One thread only allocates, another only frees ---- */

#define RING 1024
#define PASSED (ROUNDS * 4)

static struct stamped ring[RING];
static uint32_t ring_written, ring_read;

static void *
produce (void *argument)
{
  struct test_random random = test_random_make (99);

  (void) argument;
  for (uint32_t at = 0; at < PASSED; at++)
    {
      while (at - __atomic_load_n (&ring_read, __ATOMIC_ACQUIRE) >= RING)
        sched_yield ();
      ring[at % RING] = make_block (&random, 99, at);
      __atomic_store_n (&ring_written, at + 1, __ATOMIC_RELEASE);
    }
  return NULL;
}

START_TEST (a_thread_that_only_frees_hoards_nothing)
{
  pthread_t producer;
  struct sydra_stats stats;

  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  ck_assert_int_eq (pthread_create (&producer, NULL, produce, NULL), 0);
  for (uint32_t at = 0; at < PASSED; at++)
    {
      while (__atomic_load_n (&ring_written, __ATOMIC_ACQUIRE) == at)
        sched_yield ();
      end_block (&ring[at % RING]);
      __atomic_store_n (&ring_read, at + 1, __ATOMIC_RELEASE);
    }
  ck_assert_int_eq (pthread_join (producer, NULL), 0);
  must_be_quiet (shared_handle);
  stats.size = sizeof stats;
  ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
  /* A depot a class and shard, a few magazines, a slab or two a class: far less than what passed. */
  ck_assert_uint_le (stats.committed_bytes, (uint64_t) (2 + 2 * stats.shards) * (stats.class_count + 1) * (1u << 20));
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

/* ---- Threads that come and go ---- */

static size_t
resident_kib (void)
{
  unsigned long size, resident = 0;
  FILE *file = fopen ("/proc/self/statm", "r");

  if (file != NULL)
    {
      if (fscanf (file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
      fclose (file);
    }
  return resident * (size_t) sysconf (_SC_PAGESIZE) / 1024;
}

static void *
live_shortly (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  struct stamped own[200];

  for (uint32_t at = 0; at < 200; at++)
    own[at] = make_block (&random, 7, at);
  for (uint32_t at = 0; at < 200; at++)
    end_block (&own[at]);
  return NULL;
}

START_TEST (short_threads_leave_nothing_behind)
{
  size_t after_a_fifth = 0;

  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  for (uintptr_t at = 0; at < SHORT_THREADS; at += 4)
    {
      pthread_t thread[4];

      for (unsigned beside = 0; beside < 4; beside++)
        ck_assert_int_eq (pthread_create (&thread[beside], NULL, live_shortly, (void *) (at + beside)), 0);
      for (unsigned beside = 0; beside < 4; beside++)
        ck_assert_int_eq (pthread_join (thread[beside], NULL), 0);
      if (at <= SHORT_THREADS / 5)
        after_a_fifth = resident_kib ();
    }
  must_be_quiet (shared_handle);
  if (!TEST_SANITIZED)
    ck_assert_uint_le (resident_kib (), after_a_fifth + after_a_fifth / 20 + 1024);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

/* ---- Destructors of thread-specific data, before and after the library's own ---- */

static pthread_key_t early_key, late_key;

static void
destructor (void *value)
{
  struct test_random random = test_random_make (3);
  struct stamped block = make_block (&random, 5, 1);

  sydra_free (shared_handle, value);
  end_block (&block);
}

static __thread unsigned passes;

/* Comes in each pass, the last one too: the library took leave of the thread long before.  So did ThreadSanitizer, before the last. */
static void
destructor_to_the_last (void *value)
{
  destructor (value);
  if (!TEST_THREAD_SANITIZER || ++passes < 2)
    (void) pthread_setspecific (late_key, sydra_malloc (shared_handle, 40));
}

static void *
end_with_values (void *argument)
{
  (void) argument;
  (void) pthread_setspecific (early_key, sydra_malloc (shared_handle, 24));
  (void) pthread_setspecific (late_key, sydra_malloc (shared_handle, 24));
  return NULL;
}

START_TEST (destructors_allocate_and_free)
{
  struct sydra_stats stats;
  pthread_t thread;

  ck_assert_int_eq (pthread_key_create (&early_key, destructor), 0);
  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  sydra_free (shared_handle, sydra_malloc (shared_handle, 1));
  ck_assert_int_eq (pthread_key_create (&late_key, destructor_to_the_last), 0);
  for (unsigned at = 0; at < 200; at++)
    {
      ck_assert_int_eq (pthread_create (&thread, NULL, end_with_values, NULL), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
    }
  stats.size = sizeof stats;
  ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
  /* Each thread's last value had no more destructor to free it. */
  ck_assert_uint_eq (stats.in_use, TEST_THREAD_SANITIZER ? 0 : 200);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), TEST_THREAD_SANITIZER ? 0 : 200);
}
END_TEST

/* ---- A thread that comes to the allocator only as it ends ---- */

/* In the last pass but one, so that the library's own destructor has the last; one earlier for ThreadSanitizer, which needs that itself. */
static void
late_destructor (void *value)
{
  if (++passes < (TEST_THREAD_SANITIZER ? 2 : 3))
    (void) pthread_setspecific (early_key, value);
  else
    sydra_free (shared_handle, sydra_malloc (shared_handle, 48));
}

static void *
only_set_the_value (void *argument)
{
  (void) pthread_setspecific (early_key, argument);
  return NULL;
}

START_TEST (threads_that_come_late_leave_nothing_behind)
{
  struct sydra_stats stats;
  uint64_t committed = 0;
  pthread_t thread;

  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  sydra_free (shared_handle, sydra_malloc (shared_handle, 1));
  ck_assert_int_eq (pthread_key_create (&early_key, late_destructor), 0);
  stats.size = sizeof stats;
  for (unsigned at = 0; at < 1000; at++)
    {
      ck_assert_int_eq (pthread_create (&thread, NULL, only_set_the_value, &stats), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
      ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
      if (at == 100)
        committed = stats.committed_bytes;
    }
  ck_assert_uint_eq (stats.committed_bytes, committed);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("threads");
  TCase *tests = test_case (suite, "threads", 120);

  tcase_add_test (tests, no_block_has_two_owners_however_it_travels);
  tcase_add_test (tests, a_thread_that_only_frees_hoards_nothing);
  tcase_add_test (tests, short_threads_leave_nothing_behind);
  tcase_add_test (tests, destructors_allocate_and_free);
  tcase_add_test (tests, threads_that_come_late_leave_nothing_behind);
  return test_run (suite);
}
