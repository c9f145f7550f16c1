/* SPDX-License-Identifier: MIT */
/*
 * readers.c: readers that never see memory reused under them.  Readers load a block from a slot, wait at random, and look at it twice;
 * retirers put new blocks in the slots and defer the old ones.  Each block says which slot it is for, which generation of that slot it is,
 * and a hash of both, and is stamped anew as soon as it is allocated again: a block that is freed under a reader does not keep its stamp.
 *
 * Delays are put in where orders meet: between a reader's load of the epoch and its store of it (some sections are entered step by step, as
 * sy_reader_enter does), between entering and the load of the slot, around the looks at the block, and before and after the barrier.
 *
 * SYDRA_SOAK=1: a hundred million reads and a million blocks for each test, and a reader that stays inside for a minute.
 *
 * The same source makes the tests that must fail: linked with a library whose barrier does nothing, whose walk over the readers sees nobody,
 * or which is off by one in comparing epochs (-Wl,--wrap), and TEST_FINDS defined, the test passes when a reader has seen a block of another generation.  A barrier is missed
 * only while a reader's store of its epoch waits in the processor and its load of the slot does not: there, readers fill the store buffer
 * with stores that miss the caches first, and the library has no magazines, so that a block is reused as soon as it is freed.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include "thread/registry.h"
#include "suite.h"
#include "sydra/alloc.h"


static bool soak;

#ifdef TEST_FINDS
#define FINDS 1
#define READERS 1
#define RETIRERS 1
#define SLOTS 1u
#ifndef DEFERRED_MAX
#define DEFERRED_MAX 64u         /* every call looks for what may go, and frees at once where nobody is seen inside */
#endif
#define SECONDS 400.0            /* until it is found: mostly within ten, and within a minute beside others that need the processors */
#else
#define FINDS 0
#define READERS 8
#define RETIRERS 2
#define SLOTS 64u                /* even ones are the first retirer's */
#define DEFERRED_MAX (16u << 10)
#define SECONDS (soak ? 1200.0 : TEST_SANITIZED ? 4.0 : 2.0)
#endif

#define SOAK_READS 100000000u
#define SOAK_RETIRED 1000000u
#define SOAK_STALLED 10000000u

/* ---- The library with pauses, and libraries with a fault ---- */

bool __wrap_sy_epoch_barrier (void);
void __wrap_sy_reader_scan (void *reader, AO_t left, uint64_t now_ns, void *oldest);

struct sy_magazine *__wrap_sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest, unsigned most);
struct sy_magazine *__real_sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest, unsigned most) __attribute__ ((weak));

#if FINDS
bool
__wrap_sy_epoch_barrier (void)
{
  AO_nop_full ();
  return true;
}
#else
bool __real_sy_epoch_barrier (void) __attribute__ ((weak));

/* The library's own, late and with a pause behind it. */
bool
__wrap_sy_epoch_barrier (void)
{
  static __thread unsigned calls;
  bool made;

  if (++calls % 64 == 0)
    usleep (50);
  made = __real_sy_epoch_barrier ();
  if (calls % 64 == 32)
    usleep (50);
  return made;
}
#endif

void
__wrap_sy_reader_scan (void *reader, AO_t left, uint64_t now_ns, void *oldest)
{
  (void) reader;
  (void) left;
  (void) now_ns;
  (void) oldest;
}

/* Takes a reader of the very epoch that a bag was sealed in for one that came later. */
struct sy_magazine *
__wrap_sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest, unsigned most)
{
  return __real_sy_limbo_take (limbo, sealed_by, oldest == 0 ? 0 : oldest + 2, most);
}

/* ---- Blocks ---- */

struct block
{
  uint64_t slot, generation, hash;
  uint64_t more[5];
};

static struct sydra_alloc *a;
static struct block *slots[SLOTS];
static bool stop;
static uint64_t stale, reads, retired;

static uint64_t
hash_of (uint64_t slot, uint64_t generation)
{
  uint64_t z = (slot + 1) * 0x9e3779b97f4a7c15u ^ generation * 0xbf58476d1ce4e5b9u;

  return z ^ z >> 29;
}

static struct block *
make_block (uint64_t slot, uint64_t generation)
{
  struct block *block = sydra_malloc (a, sizeof *block);

  test_must (block != NULL, "out of memory");
  block->slot = slot;
  block->generation = generation;
  block->hash = hash_of (slot, generation);
  return block;
}

static bool
has_stopped (void)
{
  return __atomic_load_n (&stop, __ATOMIC_RELAXED);
}

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

/* Stores that are long under way. */
static void
fill_the_store_buffer (struct test_random *random)
{
  static unsigned char far_away[64 << 20];

  for (unsigned at = 0; at < 40; at++)
    __atomic_store_n (&far_away[test_random_below (random, sizeof far_away)], 1, __ATOMIC_RELAXED);
}

/* ---- Readers ---- */

/* Looks at a slot's block twice; false: it was not what it must be. */
static bool
read_slot (struct test_random *random, uint64_t slot, uint64_t *latest)
{
  const volatile struct block *block = __atomic_load_n (&slots[slot], __ATOMIC_ACQUIRE);
  uint64_t first, second;
  bool right;

  wait_a_little (random);
  first = block->generation;
  right = block->slot == slot && block->hash == hash_of (slot, first) && first >= *latest;
  wait_a_little (random);
  second = block->generation;
  *latest = first;
  return right && second == first && block->slot == slot && block->hash == hash_of (slot, second);
}

/* As sydra_epoch_enter, step by step where this is the outermost section. */
static uint64_t
enter (struct test_random *random)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_epoch_enter");
  AO_t now;

  if (FINDS || cache == NULL || AO_load (&cache->participant.reader.epoch) != 0 || test_random_below (random, 4) != 0)
    return sydra_epoch_enter (a);
  now = AO_load_acquire (&a->domain.limbo.epoch.now);
  wait_a_little (random);
  AO_store (&cache->participant.reader.epoch, now);
  sy_epoch_fence ();
  return sy_epoch_number (now);
}

/* Some readers end inside a section, and another one takes their place. */
static void *
read_slots (void *argument)
{
  struct test_random random = test_random_make ((uintptr_t) argument);
  uint64_t latest[SLOTS] = { 0 }, count = 0, wrong = 0;

  while (!has_stopped () && (FINDS || count < 20000))
    {
      bool nested = test_random_below (&random, 16) == 0;

      if (FINDS)
        fill_the_store_buffer (&random);

      uint64_t epoch = enter (&random), inner = 0;

      if (!FINDS)
        wait_a_little (&random);

      for (size_t looks = FINDS ? 1 : 1 + test_random_below (&random, 4); looks != 0; looks--, count++)
        {
          uint64_t slot = test_random_below (&random, SLOTS);

          wrong += !read_slot (&random, slot, &latest[slot]);
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
    {
      pthread_t thread;

      test_must (pthread_create (&thread, NULL, read_slots, (void *) number) == 0, "no thread");
      pthread_join (thread, NULL);
    }
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

/* ---- The tests ---- */

static double
now (void)
{
  struct timespec at;

  clock_gettime (CLOCK_MONOTONIC, &at);
  return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

static struct sydra_stats
stats_now (void)
{
  struct sydra_stats stats = { .size = sizeof stats };

  ck_assert_int_eq (sydra_stats_get (a, &stats), 0);
  return stats;
}

static void
begin (AO_t first_epoch)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;

  options.max_deferred_bytes = DEFERRED_MAX;
  a = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (a);
  AO_store (&a->domain.limbo.epoch.now, first_epoch);
  stop = false;
  stale = reads = retired = 0;
  for (uint64_t slot = 0; slot < SLOTS; slot++)
    slots[slot] = make_block (slot, 1);
}

static void
finish (void)
{
  for (uint64_t slot = 0; slot < SLOTS; slot++)
    sydra_free (a, slots[slot]);
  (void) sydra_collect (a);
  if (!FINDS)
    {
      ck_assert_uint_eq (stats_now ().deferred_bytes, 0);
      ck_assert_uint_eq (stats_now ().in_use, 0);
      ck_assert_uint_eq (stats_now ().deferred_reclaimed, retired);
      ck_assert_uint_le (stats_now ().deferred_high_water_bytes, DEFERRED_MAX);
    }
  (void) sydra_alloc_destroy (a);
}

static void
read_and_retire (AO_t first_epoch)
{
  pthread_t thread[READERS + RETIRERS];
  double until = now () + SECONDS;

  begin (first_epoch);
  for (uintptr_t at = 0; at < READERS + RETIRERS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, at < RETIRERS ? retire : keep_reading, (void *) at), 0);
  while (!has_stopped () && now () < until
         && !(soak && __atomic_load_n (&reads, __ATOMIC_RELAXED) >= SOAK_READS && stats_now ().deferred_reclaimed >= SOAK_RETIRED))
    usleep (10000);
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  for (unsigned at = 0; at < READERS + RETIRERS; at++)
    ck_assert_int_eq (pthread_join (thread[at], NULL), 0);
  printf ("# %" PRIu64 " reads, %" PRIu64 " blocks retired, %" PRIu64 " stale\n", reads, retired, stale);
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
  sy_epoch_ready ();
  sy_epoch_is_light = false;
  read_and_retire (SY_EPOCH_FIRST);
}
END_TEST

static void *
stay_inside (void *argument)
{
  uint64_t epoch = sydra_epoch_enter (a);

  pthread_barrier_wait (argument);
  while (!has_stopped ())
    usleep (1000);
  sydra_epoch_leave (a, epoch);
  return NULL;
}

START_TEST (a_stalled_reader_holds_back_no_more_than_the_limit)
{
  pthread_barrier_t inside;
  pthread_t thread;
  double until = now () + (soak ? 60 : 1), left;
  uint64_t refused = 0, count = 0;

  begin (SY_EPOCH_FIRST);
  ck_assert_int_eq (pthread_barrier_init (&inside, NULL, 2), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, stay_inside, &inside), 0);
  pthread_barrier_wait (&inside);
  for (; now () < until || (soak && count < SOAK_STALLED); count++)
    {
      struct block *block = make_block (0, 1);
      int error = sydra_free_deferred (a, block);

      test_must (error == 0 || error == EAGAIN, "error %d", error);
      if (error == 0)
        retired++;
      else
        {
          refused++;
          sydra_free (a, block);
        }
    }
  ck_assert_uint_eq (stats_now ().deferred_stalls, refused);
  ck_assert_uint_gt (refused, 100);
  ck_assert_uint_eq (retired, DEFERRED_MAX / sydra_usable_size (a, slots[0]));
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  pthread_join (thread, NULL);
  left = now ();
  finish ();
  ck_assert_msg (now () - left < 1, "it took %.3f s to get all back", now () - left);
  printf ("# %" PRIu64 " calls, %" PRIu64 " refused\n", count, refused);
}
END_TEST

int
main (void)
{
  if (FINDS && TEST_SANITIZED)
    return test_skip_all ("a sanitizer's own synchronisation hides the fault, or reports it first");
  soak = getenv ("SYDRA_SOAK") != NULL;
  sy_epoch_ready ();
  if (FINDS && !sy_epoch_is_light)
    return test_skip_all ("without membarrier readers have a fence, and the fault is none");
  if (FINDS && sysconf (_SC_NPROCESSORS_ONLN) < 2)
    return test_skip_all ("on one processor a store is never late for another one");

  Suite *suite = suite_create ("readers");
  TCase *tests = test_case (suite, "readers", soak ? 1500 : FINDS ? 450 : 60);

  tcase_add_test (tests, no_reader_sees_another_generation);
  if (!FINDS)
    {
      tcase_add_test (tests, no_reader_sees_another_generation_where_the_epoch_wraps);
      tcase_add_test (tests, no_reader_sees_another_generation_with_fences_in_the_readers);
      tcase_add_test (tests, a_stalled_reader_holds_back_no_more_than_the_limit);
    }
  return test_run (suite);
}
