/* SPDX-License-Identifier: MIT */
/* generations.c: while retirers defer blocks, no reader sees a block of another generation. */
#include <config.h>

#include <errno.h>
#include <sched.h>

#include "readers.h"
#include "threads.h"

#define SOAK_READS 100000000u
#define SOAK_RETIRED 1000000u

static void
wait_a_little (struct test_random *random)
{
  uint64_t choice = test_random_below (random, 1000);

  if (choice == 0)
    usleep (100);
  else if (choice < 20)
    sched_yield ();
  else
    for (volatile uint64_t spin = FINDS ? 2 * choice : choice % 64; spin != 0; spin--)
      ;
}

/* ---- Readers ---- */

/* Looks at a slot's block twice; false: it was not what it must be.  *is_late: the reader's store
   of its epoch has yet to arrive. */
static bool
read_slot (struct test_random *random, unsigned reader, bool *is_late, uint64_t slot,
           uint64_t *latest)
{
  const volatile struct block *block = __atomic_load_n (&slots[slot], __ATOMIC_ACQUIRE);
  uint64_t first, second;
  bool right;

  wait_a_little (random);
  if (*is_late)
    late_store_arrives (reader);
  *is_late = false;
  first = block->generation;
  right = block->slot == slot && block->hash == hash_of (slot, first) && first >= *latest;
  wait_a_little (random);
  second = block->generation;
  *latest = first;
  return right && second == first && block->slot == slot && block->hash == hash_of (slot, second);
}

/* As sydra_epoch_enter, often step by step where this is the outermost section. */
static uint64_t
enter (struct test_random *random, unsigned reader, bool *is_late)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_epoch_enter");
  AO_t current;

  if (cache == NULL || AO_load (&cache->participant.reader.epoch) != 0
      || test_random_below (random, 4) != 0)
    return sydra_epoch_enter (a);
  current = AO_load_acquire (&a->domain.limbo.epoch.now);
  wait_a_little (random);
  *is_late = stores_may_be_late ();
  if (*is_late)
    late_store (reader, &cache->participant.reader.epoch, current);
  else
    {
      AO_store (&cache->participant.reader.epoch, current);
      sy_epoch_fence ();
    }
  return sy_epoch_number (current);
}

/* Some readers end inside a section, and another one takes their place. */
static void *
read_slots (void *argument)
{
  unsigned reader = (uintptr_t) argument % READERS;
  struct test_random random = test_random_make ((uintptr_t) argument);
  uint64_t latest[SLOTS] = { 0 }, count = 0, wrong = 0;

  while (!has_stopped () && (FINDS || count < 20000))
    {
      bool nested = test_random_below (&random, 16) == 0;

      bool is_late = false;
      uint64_t epoch = enter (&random, reader, &is_late), inner = 0;

      if (!FINDS)
        wait_a_little (&random);

      size_t looks = FINDS ? 1 : 1 + test_random_below (&random, 4);

      for (; looks != 0; looks--, count++)
        {
          uint64_t slot = test_random_below (&random, SLOTS);

          wrong += !read_slot (&random, reader, &is_late, slot, &latest[slot]);
          if (nested && looks == 1)
            inner = sydra_epoch_enter (a);
        }
      if (nested)
        sydra_epoch_leave (a, inner);
      if (wrong == 0 && count >= 20000 && !FINDS)
        break;
      sydra_epoch_leave (a, epoch);
      if (FINDS && wrong != 0)
        __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
    }
  (void) __atomic_add_fetch (&stale, wrong, __ATOMIC_RELAXED);
  (void) __atomic_add_fetch (&reads, count, __ATOMIC_RELAXED);
  return NULL;
}

static void *
keep_reading (void *argument)
{
  for (uintptr_t number = (uintptr_t) argument; !has_stopped (); number += READERS)
    (void) in_a_thread (read_slots, (void *) number);
  return NULL;
}

/* ---- Retirers ---- */

static void
defer (struct block *block)
{
  int error;

  while ((error = sydra_free_deferred (a, block)) == EAGAIN)
    if (sydra_epoch_synchronize (a) != 0)
      sched_yield ();
  test_must (error == 0, "error %d", error);
}

static void *
retire (void *argument)
{
  uint64_t own = (uintptr_t) argument, generation = 1, count = 0;
  struct test_random random = test_random_make (1000 + own);

  while (!has_stopped ())
    {
      uint64_t slot = test_random_below (&random, SLOTS / RETIRERS) * RETIRERS + own;

      defer (__atomic_exchange_n (&slots[slot], make_block (slot, ++generation), __ATOMIC_ACQ_REL));
      count++;
    }
  (void) __atomic_add_fetch (&retired, count, __ATOMIC_RELAXED);
  return NULL;
}

static void
read_and_retire (AO_t first_epoch)
{
  pthread_t thread[READERS + RETIRERS];
  double until = now () + SECONDS;

  begin (first_epoch);
  for (uintptr_t at = 0; at < READERS + RETIRERS; at++)
    thread[at] = thread_start (at < RETIRERS ? retire : keep_reading, (void *) at);
  while (!has_stopped () && now () < until
         && !(soak && __atomic_load_n (&reads, __ATOMIC_RELAXED) >= SOAK_READS
              && stats_now ().deferred_reclaimed >= SOAK_RETIRED))
    usleep (10000);
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  threads_join (thread, READERS + RETIRERS);
  printf ("# %" PRIu64 " reads, %" PRIu64 " blocks retired, %" PRIu64 " stale\n", reads, retired,
          stale);
  if (!FINDS)
    {
      ck_assert_uint_gt (reads, 1000);
      ck_assert_uint_gt (retired, 1000);
    }
  if (FINDS)
    ck_assert_msg (stale != 0, "the fault of this library was not found");
  else
    ck_assert_uint_eq (stale, 0);
  finish ();
}

START_TEST (no_reader_sees_another_generation)
{
  read_and_retire (SY_EPOCH_FIRST);
}
END_TEST

START_TEST (no_reader_sees_another_generation_where_the_epoch_wraps)
{
  /* It moves on by two at each sealing and look. */
  read_and_retire ((AO_t) 0 - 2001);
}
END_TEST

START_TEST (no_reader_sees_another_generation_with_fences_in_the_readers)
{
  sy_epoch_prepare ();
  sy_epoch_is_light = false;
  read_and_retire (SY_EPOCH_FIRST);
}
END_TEST

void
readers_add_generations (Suite *suite)
{
  TCase *tests = test_case (suite, "generations", soak ? 1500 : FINDS ? 150 : 60);

  tcase_add_test (tests, no_reader_sees_another_generation);
  if (!FINDS)
    {
      tcase_add_test (tests, no_reader_sees_another_generation_where_the_epoch_wraps);
      tcase_add_test (tests, no_reader_sees_another_generation_with_fences_in_the_readers);
    }
}
