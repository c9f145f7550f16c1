/* SPDX-License-Identifier: MIT */
/* looks.c: classes that a thread does not use any more go to the slabs, by and by. */
#include <config.h>

#include "trim.h"

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

/* Freed at random, the last blocks of a class lie in most of its slabs; they go there when another
   class takes much. */
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

/* A look forgives a class that was used since the one before.  False: a look came in between, as
   the processor was away for long. */
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
  (void) budget_of (cache);
  return true;
}

START_TEST (idle_classes_go_to_the_slabs_after_a_while)
{
  struct sy_cache *cache = mine ();

  for (unsigned attempt = 0; !idle_classes_go (cache); attempt++)
    ck_assert_uint_lt (attempt, 20);
  look (0);
  look (0);
  ck_assert_uint_eq (budget_of (cache), 0);
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
  ck_assert (cache->last_trim_ns == before_ns ? held_of (cache, CLASS + 1) != 0
                                         : cache->last_trim_ns - before_ns >= SY_REAP_NS);
  /* ... and not. */
  cache->last_trim_ns -= 2 * SY_REAP_NS;
  use (CLASS, 200);
  ck_assert_uint_eq (held_of (cache, CLASS + 1), 0);
  ck_assert_uint_ne (held_of (cache, CLASS), 0);
}
END_TEST

/* The class has hits only, as many as make it one in use. */
static void
hit (struct sy_cache *cache, unsigned class)
{
  AO_t refills = AO_load (&cache->books.counts.refills[class]);

  for (unsigned times = 0; times < sy_size_classes[class].capacity; times++)
    use (class, 1);
  ck_assert_uint_eq (AO_load (&cache->books.counts.refills[class]), refills);
}

/* A class that is used and never missed had magazines that are too large. */
START_TEST (a_class_without_a_miss_gets_smaller_magazines)
{
  struct sy_cache *cache = mine ();
  unsigned first = sy_cache_first_capacity (CLASS), now;

  for (unsigned times = 0; times < 4; times++)
    use (CLASS, 250);
  now = cache->capacity[CLASS];
  ck_assert_uint_ge (now, 4 * first);
  for (unsigned looks = 0; now > first; looks++)
    {
      ck_assert_uint_lt (looks, 20);
      /* It was missed since the look before, and stays ... */
      cache->missed |= UINT64_C (1) << CLASS;
      cache->last_calls[CLASS] = 0;
      look (0);
      ck_assert_uint_eq (cache->capacity[CLASS], now);
      ck_assert_uint_ne (held_of (cache, CLASS), 0);
      /* ... and has hits only. */
      hit (cache, CLASS);
      cache->missed = 0;
      look (0);
      now = now / 2 > first ? now / 2 : first;
      ck_assert_uint_eq (held_of (cache, CLASS), 0);
      ck_assert_uint_eq (cache->capacity[CLASS], now);
      /* The miss that comes of this does not undo it. */
      use (CLASS, 1);
      ck_assert_uint_eq (cache->capacity[CLASS], now);
    }
  /* One that is used up makes the next one larger again. */
  use (CLASS, first + 1);
  ck_assert_uint_eq (cache->capacity[CLASS], 2 * first);
  (void) budget_of (cache);
}
END_TEST

enum { MEDIUM = 2000 };

static void
free_one (void)
{
  sydra_free (a, sydra_malloc (a, MEDIUM));
}

static void
free_one_aligned (void)
{
  sydra_free (a, sydra_aligned_alloc (a, 64, MEDIUM));
}

static void
free_one_of_a_batch (void)
{
  void *block;

  ck_assert_uint_eq (sydra_malloc_batch (a, MEDIUM, 1, &block), 1);
  sydra_free (a, block);
}

/* A thread that has nothing but hits goes on to trim, if they are of the larger classes. */
START_TEST (a_look_comes_with_hits_of_larger_classes)
{
  void (*const kinds[]) (void) = { free_one, free_one_aligned, free_one_of_a_batch };
  struct sy_cache *cache = mine ();

  use (CLASS, 200);
  use (sy_class_of (MEDIUM), 40);
  use (sy_class_of_aligned (MEDIUM, 64), 40);
  cache->last_calls[CLASS] = 0;
  look (0);
  ck_assert_uint_ne (held_of (cache, CLASS), 0);
  cache->last_trim_ns -= 2 * SY_REAP_NS;
  /* No miss: the magazines have room for it. */
  for (unsigned hits = 0; hits <= SY_TRIM_HITS; hits++)
    kinds[_i] ();
  ck_assert_uint_eq (held_of (cache, CLASS), 0);
}
END_TEST

void
trim_add_looks (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "looks", 30, tear_down);

  tcase_add_test (tests, memory_that_grows_sheds_what_idle_classes_hold);
  tcase_add_test (tests, memory_that_grows_frees_the_slabs_of_a_class_that_shrank);
  tcase_add_test (tests, idle_classes_go_to_the_slabs_after_a_while);
  tcase_add_test (tests, a_look_comes_with_a_miss_when_it_is_due);
  tcase_add_test (tests, a_class_without_a_miss_gets_smaller_magazines);
  tcase_add_loop_test (tests, a_look_comes_with_hits_of_larger_classes, 0, 3);
}
