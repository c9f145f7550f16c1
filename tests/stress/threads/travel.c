/* SPDX-License-Identifier: MIT */
/* travel.c: blocks that go from thread to thread have one owner at a time. */
#include <config.h>

#include <sched.h>
#include <string.h>

#include "blocks.h"
#include "threads.h"

#define THREADS_LEAST 12u
#define THREADS_MOST 200u  /* an owner's number is a byte */
#define HELD 512

#define SLOTS 1024

/* Through these blocks go from thread to thread; each slot is under its own lock. */
static struct slot
{
  pthread_mutex_t lock;
  struct stamped block;
} slots[SLOTS];

static unsigned threads;
static uint32_t rounds;  /* of each */
static pthread_barrier_t start;

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

START_TEST (no_block_has_two_owners_however_it_travels)
{
  pthread_t thread[THREADS_MOST];

  begin ();
  /* Half as many again as there are shards. */
  threads = sydra_alloc_shards () + sydra_alloc_shards () / 2 + 1;
  threads = threads < THREADS_LEAST ? THREADS_LEAST
            : threads > THREADS_MOST ? THREADS_MOST : threads;
  rounds = ROUNDS / threads * THREADS_LEAST;
  for (unsigned at = 0; at < SLOTS; at++)
    pthread_mutex_init (&slots[at].lock, NULL);
  pthread_barrier_init (&start, NULL, threads);
  for (uintptr_t at = 0; at < threads; at++)
    thread[at] = thread_start (work, (void *) (at + 1));
  threads_join (thread, threads);
  for (unsigned at = 0; at < SLOTS; at++)
    end_block (&slots[at].block);
  must_be_quiet ();
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

/* ---- One thread only allocates, another only frees ---- */

#define RING 1024
static struct stamped ring[RING];
static uint32_t ring_written, ring_read, passed;

static void *
produce (void *argument)
{
  struct test_random random = test_random_make (99);

  (void) argument;
  for (uint32_t at = 0; at < passed; at++)
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
  passed = 4 * ROUNDS;
  producer = thread_start (produce, NULL);
  for (uint32_t at = 0; at < passed; at++)
    {
      while (__atomic_load_n (&ring_written, __ATOMIC_ACQUIRE) == at)
        sched_yield ();
      end_block (&ring[at % RING]);
      __atomic_store_n (&ring_read, at + 1, __ATOMIC_RELEASE);
    }
  (void) thread_join (producer);
  must_be_quiet ();
  stats.size = sizeof stats;
  ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
  /* A depot a class and shard, a few magazines, a slab or two a class: far less than what
     passed. */
  ck_assert_uint_le (stats.committed_bytes,
                     (uint64_t) (2 + 2 * stats.shards) * (stats.class_count + 1) * (1u << 20));
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

void
threads_add_travel (Suite *suite)
{
  TCase *tests = test_case (suite, "travel", 120);

  tcase_add_test (tests, no_block_has_two_owners_however_it_travels);
  tcase_add_test (tests, a_thread_that_only_frees_hoards_nothing);
}
