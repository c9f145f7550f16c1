/* SPDX-License-Identifier: MIT */
/*
 * threads.c: more threads than shards, blocks freed by others, threads that come and go.
 *
 * The oracle: every block is filled with words made of its owner's number and a sequence number, over all of its usable bytes, and checked
 * just before it is freed.  A block that two threads hold at once, or that is reused too early, does not keep its words.  Each thread also
 * counts what it allocates, so that the statistics can be held to the number.
 */
#include <config.h>

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "sydra/alloc.h"
#include "suite.h"

#define POOL_MAX 32768u    /* the pool's largest block */
#define THREADS_LEAST 12u
#define THREADS_MOST 200u  /* an owner's number is a byte */
#define HELD 512
#define ROUNDS (SY_THREAD_SANITIZER ? 4000u : SY_ADDRESS_SANITIZER ? 40000u : 400000u)
#define SHORT_THREADS (TEST_SANITIZED ? 400u : 4000u)

/* ---- Stamps ---- */

struct stamped
{
  uint32_t *words;        /* NULL: no block */
  uint32_t size, count;   /* bytes asked for; words that are stamped */
  uint32_t stamp;
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
static uint64_t allocations;         /* of all threads that have counted */
static __thread uint64_t allocated;  /* by this one since it last did */

static void
count_thread (void)
{
  (void) __atomic_add_fetch (&allocations, allocated, __ATOMIC_RELAXED);
  allocated = 0;
}

static void
begin (void)
{
  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  allocations = 0;
  allocated = 0;
}

/* One that the pool serves: three in four up to 256, the others of any doubling up to its largest alike. */
static uint32_t
pool_size (struct test_random *random)
{
  size_t most = test_random_below (random, 4) != 0 ? 256 : (size_t) 512 << test_random_below (random, 7);

  return (uint32_t) test_random_below (random, most + 1);
}

/* Now and then one that falls back. */
static uint32_t
any_size (struct test_random *random)
{
  return test_random_below (random, 64) == 0 ? POOL_MAX + 1 + (uint32_t) test_random_below (random, 20000) : pool_size (random);
}

static void
stamp_all (struct stamped *block)
{
  size_t usable = sydra_usable_size (shared_handle, block->words);

  test_must (usable >= block->size, "%zu bytes usable of %u", usable, block->size);
  block->count = (uint32_t) (usable / sizeof (uint32_t));
  stamp (block);
}

static struct stamped
make_block_of (struct test_random *random, uint32_t size, uint32_t owner, uint32_t sequence)
{
  struct stamped block = { NULL, size, 0, owner << 24 | (sequence & 0xffffff) };

  if (test_random_below (random, 16) == 0)
    {
      size_t alignment = (size_t) 8 << test_random_below (random, 6);

      block.words = sydra_aligned_alloc (shared_handle, alignment, block.size);
      test_must (((uintptr_t) block.words & (alignment - 1)) == 0, "%p is not aligned to %zu", (void *) block.words, alignment);
    }
  else
    block.words = sydra_malloc (shared_handle, block.size);
  test_must (block.words != NULL, "out of memory");
  allocated++;
  stamp_all (&block);
  return block;
}

static struct stamped
make_block (struct test_random *random, uint32_t owner, uint32_t sequence)
{
  return make_block_of (random, any_size (random), owner, sequence);
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
  uintptr_t before = (uintptr_t) block->words;

  if (block->words == NULL)
    return;
  check_stamp (block);
  block->size = any_size (random);
  block->words = sydra_realloc (shared_handle, block->words, block->size);
  test_must (block->words != NULL, "out of memory");
  /* One that moved is another block. */
  allocated += (uintptr_t) block->words != before;
  kept.words = block->words;
  kept.count = (block->size < kept.size ? block->size : kept.size) / (uint32_t) sizeof (uint32_t);
  check_stamp (&kept);
  stamp_all (block);
}

static unsigned threads;
static uint32_t rounds;  /* of each */

static void *
work (void *argument)
{
  uint32_t number = (uint32_t) (uintptr_t) argument;
  struct test_random random = test_random_make (number);
  struct stamped own[HELD];

  memset (own, 0, sizeof own);
  pthread_barrier_wait (&start);
  for (uint32_t round = 0; round < rounds; round++)
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
  count_thread ();
  return NULL;
}

/* All threads have counted, all blocks are freed. */
static void
must_be_quiet (void)
{
  struct sydra_stats stats;
  uint64_t by_class = 0;

  stats.size = sizeof stats;
  ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_eq (stats.in_use_bytes, 0);
  ck_assert_uint_eq (stats.allocations, allocations);
  ck_assert_uint_eq (stats.frees, allocations);
  for (unsigned class = 0; class < stats.class_count; class++)
    {
      ck_assert_uint_eq (stats.classes[class].in_use, 0);
      by_class += stats.classes[class].allocations;
    }
  if (stats.class_count != 0)
    ck_assert_uint_eq (by_class + stats.fallback_allocs, allocations);
}

START_TEST (no_block_has_two_owners_however_it_travels)
{
  pthread_t thread[THREADS_MOST];

  begin ();
  /* Half as many again as there are shards. */
  threads = sydra_alloc_shards () + sydra_alloc_shards () / 2 + 1;
  threads = threads < THREADS_LEAST ? THREADS_LEAST : threads > THREADS_MOST ? THREADS_MOST : threads;
  rounds = ROUNDS / threads * THREADS_LEAST;
  for (unsigned at = 0; at < SLOTS; at++)
    pthread_mutex_init (&slots[at].lock, NULL);
  pthread_barrier_init (&start, NULL, threads);
  for (uintptr_t at = 0; at < threads; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, work, (void *) (at + 1)), 0);
  for (unsigned at = 0; at < threads; at++)
    ck_assert_int_eq (pthread_join (thread[at], NULL), 0);
  for (unsigned at = 0; at < SLOTS; at++)
    end_block (&slots[at].block);
  must_be_quiet ();
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
  count_thread ();
  return NULL;
}

START_TEST (a_thread_that_only_frees_hoards_nothing)
{
  pthread_t producer;
  struct sydra_stats stats;

  begin ();
  ring_written = ring_read = 0;
  ck_assert_int_eq (pthread_create (&producer, NULL, produce, NULL), 0);
  for (uint32_t at = 0; at < PASSED; at++)
    {
      while (__atomic_load_n (&ring_written, __ATOMIC_ACQUIRE) == at)
        sched_yield ();
      end_block (&ring[at % RING]);
      __atomic_store_n (&ring_read, at + 1, __ATOMIC_RELEASE);
    }
  ck_assert_int_eq (pthread_join (producer, NULL), 0);
  must_be_quiet ();
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

/* Blocks of the pool only: what the C library keeps for threads that ended is its own affair. */
static void *
live_shortly (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  struct stamped own[200];

  for (uint32_t at = 0; at < 200; at++)
    own[at] = make_block_of (&random, pool_size (&random), 7, at);
  for (uint32_t at = 0; at < 200; at++)
    end_block (&own[at]);
  count_thread ();
  return NULL;
}

/* What stays when all that can go has gone: how much waits depends on who ran beside whom. */
static size_t
kept_kib (void)
{
  (void) sydra_collect (shared_handle);
  return resident_kib ();
}

START_TEST (short_threads_leave_nothing_behind)
{
  size_t after_a_fifth = 0;

  begin ();
  for (uintptr_t at = 0; at < SHORT_THREADS; at += 4)
    {
      pthread_t thread[4];

      for (unsigned beside = 0; beside < 4; beside++)
        ck_assert_int_eq (pthread_create (&thread[beside], NULL, live_shortly, (void *) (at + beside)), 0);
      for (unsigned beside = 0; beside < 4; beside++)
        ck_assert_int_eq (pthread_join (thread[beside], NULL), 0);
      if (at == SHORT_THREADS / 20 * 4)
        after_a_fifth = kept_kib ();
    }
  must_be_quiet ();
  ck_assert_uint_ne (after_a_fifth, 0);
  if (!TEST_SANITIZED && sydra_alloc_is_small_pool ())
    ck_assert_uint_le (kept_kib (), after_a_fifth + after_a_fifth / 20 + 1024);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

/* ---- Destructors of thread-specific data, before and after the library's own ---- */

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

/* ThreadSanitizer takes leave of the thread in the last pass, before this key's turn: what it watches may not run after that. */
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

/* The library's own key is made by the first allocation of a thread; one key before it, one after. */
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
  pthread_t thread;

  make_keys ();
  for (unsigned at = 0; at < 200; at++)
    {
      ck_assert_int_eq (pthread_create (&thread, NULL, end_with_values, NULL), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
    }
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
  pthread_t thread;

  make_keys ();
  for (unsigned at = 0; at < 200; at++)
    {
      ck_assert_int_eq (pthread_create (&thread, NULL, end_with_a_value_of_another, make_value ()), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
    }
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
  pthread_t thread;

  begin ();
  sydra_free (shared_handle, sydra_malloc (shared_handle, 1));
  ck_assert_int_eq (pthread_key_create (&pass_key, late_destructor), 0);
  stats.size = sizeof stats;
  for (unsigned at = 0; at < 1000; at++)
    {
      ck_assert_int_eq (pthread_create (&thread, NULL, only_set_the_value, &stats), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
      ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
      if (at == 100)
        committed = stats.committed_bytes;
    }
  ck_assert_uint_le (stats.committed_bytes, committed);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

int
main (void)
{
  if (SY_THREAD_SANITIZER && sydra_alloc_is_mimalloc ())
    return test_skip_all ("ThreadSanitizer does not see how mimalloc, built without it, synchronises");

  Suite *suite = suite_create ("threads");
  TCase *tests = test_case (suite, "threads", 120);

  /* First where tests do not fork: early_key is to be made before the library's. */
  tcase_add_test (tests, destructors_allocate_and_free);
  tcase_add_test (tests, a_thread_may_make_its_first_call_in_a_destructor);
  tcase_add_test (tests, no_block_has_two_owners_however_it_travels);
  tcase_add_test (tests, a_thread_that_only_frees_hoards_nothing);
  tcase_add_test (tests, short_threads_leave_nothing_behind);
  tcase_add_test (tests, threads_that_come_late_leave_nothing_behind);
  return test_run (suite);
}
