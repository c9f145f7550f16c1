/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "classes.h"
#include "one_class.h"
#include "threads.h"
#include "thread/magazines.h"
#include "thread/trim.h"

#define FEW 13u  /* classes, that memory does not grow by their use */
#define THREADS 16u

static void
tear_down (void)
{
  /* Spare slabs would let the next test's memory grow unseen. */
  (void) sydra_collect (a);
  ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
}

/* So many blocks of the class at once, and freed, without a check's own calls: a thread's too. */
static void
use (unsigned class, unsigned count)
{
  void *block[256];

  for (unsigned at = 0; at < count; at++)
    test_must ((block[at] = sydra_aligned_alloc (a, 8, sy_size_classes[class].bytes)) != NULL, "no block");
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, block[at]);
}

/* The thread's look for what it holds for nothing, due now. */
static void
look (unsigned busy)
{
  mine ()->last_trim_ns = 0;
  sy_cache_trim (a, mine (), busy);
}

/* What the thread's magazines hold of the class. */
static unsigned
held_of (const struct sy_cache *cache, unsigned class)
{
  unsigned held = 0;

  for (void **top = sy_cache_top (cache, class); !sy_magazine_is_empty (top); top--)
    held++;
  for (void **top = cache->previous[class]; top != NULL && !sy_magazine_is_empty (top); top--)
    held++;
  return held;
}

/* The room is what the classes' rounds say. */
static size_t
room_of (const struct sy_cache *cache)
{
  size_t room = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    room += 2 * (size_t) cache->capacity[class] * sy_size_classes[class].bytes;
  test_must (room == cache->budget_used, "%zu bytes of room, said to be %zu", room, cache->budget_used);
  return room;
}

/* What all classes have at their beginning, whatever the share: 8 blocks, 8 KiB or one block twice. */
static size_t
room_first (void)
{
  size_t room = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      size_t bytes = sy_size_classes[class].bytes, first = SY_CAPACITY_FIRST_BYTES / bytes;

      room += 2 * bytes * (first == 0 ? 1 : first < SY_CAPACITY_FIRST ? first : SY_CAPACITY_FIRST);
    }
  return room;
}

static void
free_at_random (void **block, unsigned count)
{
  struct test_random random = test_random_make (1);

  for (unsigned left = count; left != 0; left--)
    {
      unsigned at = (unsigned) test_random_below (&random, left);

      sydra_free (a, block[at]);
      block[at] = block[left - 1];
    }
}

/* Freed at random, the last blocks of a class lie in most of its slabs; they go there when another class takes much. */
START_TEST (memory_that_grows_sheds_what_idle_classes_hold)
{
  enum { OTHER_BYTES = 1024, OTHERS = 16384 };
  static void *others[OTHERS];
  const struct sydra_class_stats *class = NULL;
  struct sydra_stats stats;

  for (unsigned at = 0; at < MANY; at++)
    blocks[at] = sydra_malloc (a, BYTES);
  free_at_random (blocks, MANY);
  ck_assert_uint_ne (mine ()->capacity[CLASS], 0);
  stats = stats_now ();
  class = &stats.classes[CLASS - 1];
  ck_assert_uint_gt (class->slabs, 1);
  for (unsigned at = 0; at < OTHERS; at++)
    others[at] = sydra_malloc (a, OTHER_BYTES);
  stats = stats_now ();
  ck_assert_uint_eq (class->slabs, 0);
  ck_assert_uint_eq (class->in_use, 0);
  for (unsigned at = 0; at < OTHERS; at++)
    sydra_free (a, others[at]);
  stats = stats_now ();
  ck_assert_uint_eq (stats.in_use, 0);
}
END_TEST

/* The same of a class that is used all the time, but little of what it once was. */
START_TEST (memory_that_grows_frees_the_slabs_of_a_class_that_shrank)
{
  enum { OTHER_BYTES = 1024, OTHERS = 16384, BLOCKS = 40000 };
  static void *many[BLOCKS], *others[OTHERS];

  for (unsigned at = 0; at < BLOCKS; at++)
    many[at] = sydra_malloc (a, BYTES);
  free_at_random (many, BLOCKS);
  ck_assert_uint_gt (stats_now ().classes[CLASS - 1].slabs, 10);
  for (unsigned at = 0; at < OTHERS; at++)
    {
      others[at] = sydra_malloc (a, OTHER_BYTES);
      if (at % 64 == 0)
        use (CLASS, 250);
    }
  ck_assert_uint_le (stats_now ().classes[CLASS - 1].slabs, 2);
  for (unsigned at = 0; at < OTHERS; at++)
    sydra_free (a, others[at]);
}
END_TEST

/* A look forgives a class that was used since the one before.  False: a look came in between, as the processor was away for long. */
static bool
idle_classes_go (struct sy_cache *cache)
{
  uint64_t began_ns = cache->last_trim_ns;

  for (unsigned class = 1; class <= FEW; class++)
    use (class, 200);
  if (cache->last_trim_ns != began_ns)
    return false;
  look (CLASS);
  began_ns = cache->last_trim_ns;
  for (unsigned class = 1; class <= FEW; class++)
    ck_assert_uint_ne (held_of (cache, class), 0);
  use (CLASS + 1, 200);
  if (cache->last_trim_ns != began_ns)
    return false;
  look (CLASS);
  for (unsigned class = 1; class <= FEW; class++)
    {
      bool stays = class == CLASS || class == CLASS + 1;

      ck_assert (stays == (held_of (cache, class) != 0));
      ck_assert (stays == (cache->capacity[class] != 0));
    }
  (void) room_of (cache);
  return true;
}

START_TEST (idle_classes_go_to_the_slabs_after_a_while)
{
  struct sy_cache *cache = mine ();

  for (unsigned attempt = 0; !idle_classes_go (cache); attempt++)
    ck_assert_uint_lt (attempt, 20);
  look (0);
  look (0);
  ck_assert_uint_eq (room_of (cache), 0);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    ck_assert_uint_eq (held_of (cache, class), 0);
  (void) sydra_collect (a);
  for (unsigned class = 0; class < SY_CLASSES - 1; class++)
    ck_assert_uint_eq (stats_now ().classes[class].slabs, 0);
}
END_TEST

START_TEST (a_look_comes_with_a_miss_when_it_is_due)
{
  struct sy_cache *cache = mine ();
  uint64_t before_ns;

  use (CLASS, 200);
  use (CLASS + 1, 200);
  look (0);
  ck_assert_uint_ne (held_of (cache, CLASS + 1), 0);
  /* Too soon ... */
  before_ns = cache->last_trim_ns;
  use (CLASS, 200);
  ck_assert (cache->last_trim_ns == before_ns ? held_of (cache, CLASS + 1) != 0 : cache->last_trim_ns - before_ns >= SY_REAP_NS);
  /* ... and not. */
  cache->last_trim_ns -= 2 * SY_REAP_NS;
  use (CLASS, 200);
  ck_assert_uint_eq (held_of (cache, CLASS + 1), 0);
  ck_assert_uint_ne (held_of (cache, CLASS), 0);
}
END_TEST

START_TEST (room_goes_to_the_class_that_uses_it)
{
  struct sy_cache *cache = mine ();
  AO_t caches = AO_load (&a->cache_count);
  uint64_t began_ns = cache->last_trim_ns;
  unsigned most = sy_size_classes[FEW].capacity;

  /* As if there were many: more is asked for than there is room for, and is idle afterwards. */
  AO_store (&a->cache_count, 1000);
  for (unsigned class = 1; class < FEW; class++)
    for (unsigned times = 0; times < 4; times++)
      use (class, 250);
  ck_assert_uint_le (room_of (cache), SY_BUDGET_LEAST);
  ck_assert (room_of (cache) + 2 * (size_t) most * sy_size_classes[FEW].bytes > SY_BUDGET_LEAST || cache->last_trim_ns != began_ns);
  for (unsigned times = 0; times < 1000 && cache->capacity[FEW] < most; times++)
    use (FEW, 250);
  ck_assert_uint_eq (cache->capacity[FEW], most);
  ck_assert_uint_le (room_of (cache), SY_BUDGET_LEAST);
  AO_store (&a->cache_count, caches);
}
END_TEST

START_TEST (a_thread_comes_down_to_its_share_when_others_come)
{
  struct sy_cache *cache = mine ();
  AO_t caches = AO_load (&a->cache_count);

  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned times = 0; times < 4; times++)
      use (class, 64);
  ck_assert_uint_gt (room_of (cache), SY_BUDGET_LEAST);
  /* All are used: none is idle. */
  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned times = 0; times < 4; times++)
      use (class, 64);
  use (CLASS, 64);
  AO_store (&a->cache_count, 1000);
  look (CLASS);
  ck_assert_uint_le (room_of (cache), SY_BUDGET_LEAST);
  ck_assert_uint_ne (cache->capacity[CLASS], 0);
  AO_store (&a->cache_count, caches);
}
END_TEST

/* The largest class, full-grown: alone more than the least share. */
static unsigned
grow_largest (struct sy_cache *cache)
{
  unsigned largest = SY_CLASSES - 1;

  for (unsigned times = 0; times < 8; times++)
    use (largest, 64);
  ck_assert_uint_eq (cache->capacity[largest], sy_size_classes[largest].capacity);
  ck_assert_uint_gt (room_of (cache), SY_BUDGET_LEAST);
  return largest;
}

START_TEST (a_class_that_is_missed_comes_down_when_others_come)
{
  struct sy_cache *cache = mine ();
  unsigned largest = grow_largest (cache);
  AO_t caches = AO_load (&a->cache_count);

  AO_store (&a->cache_count, 1000);
  look (largest);
  ck_assert_uint_eq (cache->capacity[largest], 1);
  ck_assert_uint_le (room_of (cache), SY_BUDGET_LEAST);
  AO_store (&a->cache_count, caches);
}
END_TEST

START_TEST (a_thread_keeps_its_room_while_no_more_come)
{
  struct sy_cache *cache = mine ();
  unsigned largest = grow_largest (cache);
  AO_t caches = AO_load (&a->cache_count);

  use (CLASS, 64);
  AO_store (&a->cache_count, 1000);
  cache->last_cache_count = 1000;
  /* It is in use, however long this took, and memory has not grown. */
  cache->last_calls[largest] = 0;
  cache->last_growths = AO_load (&sy_region.growths);
  look (CLASS);
  ck_assert_uint_eq (cache->capacity[largest], sy_size_classes[largest].capacity);
  AO_store (&a->cache_count, caches);
}
END_TEST

static pthread_barrier_t barrier;

/* Uses every class, when all threads have their caches; adds to *held how many bytes it holds then. */
static void *
use_all (void *held)
{
  struct sy_cache *cache = mine ();
  size_t bytes = 0;

  pthread_barrier_wait (&barrier);
  for (unsigned times = 0; times < 4; times++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      use (class, 256);
  test_must (room_of (cache) <= SY_BUDGET_ALL / THREADS + room_first (), "%zu bytes of room", cache->budget_used);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    bytes += held_of (cache, class) * (size_t) sy_size_classes[class].bytes;
  sy_shared_add (held, bytes);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

/* Threads that idle keep what they hold: all of them together not much. */
START_TEST (many_threads_share_the_room)
{
  pthread_t thread[THREADS];
  AO_t held = 0;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS + 1), 0);
  for (unsigned at = 0; at < THREADS; at++)
    thread[at] = thread_start (use_all, &held);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  ck_assert_uint_eq (AO_load (&a->cache_count), THREADS);
  ck_assert_uint_le (AO_load (&held), SY_BUDGET_ALL + THREADS * room_first ());
  pthread_barrier_wait (&barrier);
  threads_join (thread, THREADS);
  ck_assert_uint_eq (AO_load (&a->cache_count), 0);
}
END_TEST

static void *
use_much (void *unused)
{
  for (unsigned times = 0; times < 2; times++)
    {
      static void *block[12000];

      for (unsigned at = 0; at < 12000; at++)
        test_must ((block[at] = sydra_malloc (a, 64)) != NULL, "no block");
      for (unsigned at = 0; at < 12000; at++)
        sydra_free (a, block[at]);
    }
  return unused;
}

/* One after the other, of one shard: each finds what those before it left in its depots. */
START_TEST (threads_that_come_and_go_share_memory)
{
  unsigned class = class_of_blocks (64);
  uint64_t enough = (12000 + 3 * sy_size_classes[class].capacity) / sy_size_classes[class].blocks + 2;

  for (unsigned at = 0; at < 24; at++)
    {
      AO_store (&a->pool.next_home, at % SY_DEPOTS * a->pool.shard_count);
      (void) in_a_thread (use_much, NULL);
      ck_assert_uint_le (stats_now ().classes[class - 1].slabs, enough);
    }
}
END_TEST

/* Two threads by turns; what the second counted must come to the handle, though it is never a magazine full. */
static void *handed[7];

static void *
free_handed (void *unused)
{
  unsigned class = CLASS;

  for (unsigned turn = 0; turn < 500; turn++)
    {
      pthread_barrier_wait (&barrier);
      for (unsigned at = 0; at < 7; at++)
        sydra_free (a, handed[at]);
      look (0);
      test_must (held_of (mine (), class) == 0, "it is idle");
      pthread_barrier_wait (&barrier);
    }
  return unused;
}

START_TEST (what_a_look_hands_in_is_counted)
{
  pthread_t thread;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, 2), 0);
  thread = thread_start (free_handed, NULL);
  for (unsigned turn = 0; turn < 500; turn++)
    {
      for (unsigned at = 0; at < 7; at++)
        test_must ((handed[at] = sydra_malloc (a, BYTES)) != NULL, "no block");
      pthread_barrier_wait (&barrier);
      pthread_barrier_wait (&barrier);
    }
  (void) thread_join (thread);
  ck_assert_uint_eq (stats_now ().classes[CLASS - 1].in_use, 0);
  /* Exact to within the blocks of two magazines a thread. */
  ck_assert_uint_le (stats_now ().classes[CLASS - 1].high_water, 7 + 4 * sy_size_classes[CLASS].capacity);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tend");
  TCase *tests = test_case (suite, "looks", 30);

  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_test (tests, memory_that_grows_sheds_what_idle_classes_hold);
  tcase_add_test (tests, memory_that_grows_frees_the_slabs_of_a_class_that_shrank);
  tcase_add_test (tests, idle_classes_go_to_the_slabs_after_a_while);
  tcase_add_test (tests, a_look_comes_with_a_miss_when_it_is_due);
  tests = test_case (suite, "room", 60);
  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_test (tests, room_goes_to_the_class_that_uses_it);
  tcase_add_test (tests, a_thread_comes_down_to_its_share_when_others_come);
  tcase_add_test (tests, a_class_that_is_missed_comes_down_when_others_come);
  tcase_add_test (tests, a_thread_keeps_its_room_while_no_more_come);
  tcase_add_test (tests, many_threads_share_the_room);
  tests = test_case (suite, "threads", 60);
  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_test (tests, threads_that_come_and_go_share_memory);
  tcase_add_test (tests, what_a_look_hands_in_is_counted);
  return test_run (suite);
}
