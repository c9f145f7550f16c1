/* SPDX-License-Identifier: MIT */
/* random.c: the invariants after random operations of one thread and of several. */
#include <config.h>

#include "base/os.h"
#include "threads.h"
#include "shard.h"

#define HELD 3000
#define HELD_BYTES ((size_t) 256 << 10)  /* of a class */
#define THREADS 4

struct worker
{
  unsigned number, steps;
  bool checks;           /* the invariants, between steps */
  void *held[SY_CLASSES][HELD];
  unsigned count[SY_CLASSES];
};

static struct worker workers[THREADS];

/* Blocks of a class that are taken or put at once, and that a worker holds at the most: a
   bounded number of bytes. */
static unsigned
batch_of (unsigned class)
{
  return sy_size_classes[class].capacity < 125 ? sy_size_classes[class].capacity : 125;
}

static unsigned
held_most (unsigned class)
{
  size_t most = HELD_BYTES / sy_size_classes[class].bytes;

  return most > HELD ? HELD : most < 4 * batch_of (class) ? 4 * batch_of (class) : (unsigned) most;
}

/* The block's first word and its last say whose it is. */
static uintptr_t *
last_word (void *block, unsigned class)
{
  return (uintptr_t *) (void *) ((char *) block + sy_size_classes[class].bytes) - 1;
}

static void
take_some (struct worker *worker, unsigned class, unsigned count)
{
  void *blocks[125];
  unsigned taken = sy_pool_carve (&pool, worker->number % pool.shard_count, class, count,
                                  blocks + 125, &zeroed);

  test_must (taken > 0 && taken <= count, "carved %u of %u", taken, count);
  for (unsigned at = 0; at < taken; at++)
    {
      void *block = blocks[125 - taken + at];

      *(uintptr_t *) block = *last_word (block, class) = (uintptr_t) block ^ worker->number;
      worker->held[class][worker->count[class]++] = block;
    }
}

static void
put_some (struct worker *worker, unsigned class, unsigned count, struct test_random *random)
{
  void *blocks[125];

  for (unsigned at = 0; at < count; at++)
    {
      size_t which = test_random_below (random, worker->count[class]);

      blocks[at] = worker->held[class][which];
      worker->held[class][which] = worker->held[class][--worker->count[class]];
      test_must (*(uintptr_t *) blocks[at] == ((uintptr_t) blocks[at] ^ worker->number),
                 "a block in two hands");
      test_must (*last_word (blocks[at], class) == *(uintptr_t *) blocks[at],
                 "the end of a block in two hands");
    }
  sy_pool_put (&pool, (unsigned) test_random_below (random, pool.shard_count), class, blocks,
               count);
}

/* The map knows the blocks that the worker holds. */
static void
must_know_held (const struct worker *worker, unsigned class)
{
  for (unsigned at = 0; at < worker->count[class]; at += 97)
    {
      unsigned said = sy_pool_class_of (&pool, worker->held[class][at]);

      test_must (said == class, "a block of class %u is said to be of class %u", class, said);
    }
}

/* Any address may be asked about, whoever works on its unit, and also outside of the range. */
static void
ask_about_any (struct test_random *random)
{
  size_t bytes = sy_range_bytes () + 128 * SY_UNIT_BYTES;
  uintptr_t address = sy_range.base - 64 * SY_UNIT_BYTES + test_random_below (random, bytes);
  unsigned said = sy_pool_class_of (&pool, (void *) address);

  test_must (said == SY_CLASS_HEAP || sy_range_has ((void *) address),
             "class %u outside of the range", said);
}

/* Takes a full magazine from the depots or else from slabs, and gives it to some depot. */
static void
exchange_magazine (const struct worker *worker, unsigned class, struct test_random *random)
{
  unsigned rounds = sy_size_classes[class].capacity, home = worker->number % pool.shard_count,
           to = (unsigned) test_random_below (random, pool.shard_count);
  struct sy_magazine *magazine = take_magazine (&pool, home, class);

  if (magazine == NULL)
    {
      magazine = sy_magazine_take ();
      test_must (magazine != NULL, "out of magazines");
      (void) sy_magazine_clear (magazine, rounds);
      for (unsigned at = 0; at < rounds;)
        at += sy_pool_carve (&pool, 0, class, rounds - at, sy_magazine_end (magazine) - at,
                             &zeroed);
    }
  if (sy_pool_give_magazine (&pool, to, class, magazine))
    return;
  sy_pool_put (&pool, 0, class, sy_magazine_end (magazine) - magazine->rounds, magazine->rounds);
  sy_magazine_give (magazine);
}

static void
work_step (struct worker *worker, unsigned class, struct test_random *random)
{
  unsigned batch = batch_of (class), count = 1 + (unsigned) test_random_below (random, batch);
  bool takes = worker->count[class] < batch
               || (worker->count[class] < held_most (class) - batch
                   && test_random_below (random, 2));

  if (takes)
    take_some (worker, class, count);
  else
    put_some (worker, class, count, random);
  if (test_random_below (random, 50) == 0)
    exchange_magazine (worker, class, random);
  must_know_held (worker, class);
  ask_about_any (random);
}

static void *
work (void *argument)
{
  struct worker *worker = argument;
  struct test_random random = test_random_make (worker->number);

  memset (worker->count, 0, sizeof worker->count);
  for (unsigned step = 0; step < worker->steps; step++)
    {
      work_step (worker, 1 + (unsigned) test_random_below (&random, SY_CLASSES - 1), &random);
      if (step % 500 == 0)
        sy_reap_step (&pool, sy_os_now_ns ());
      if (worker->checks ? step % 100 == 0 : step % 2000 == 0)
        test_must (sy_pool_is_valid (&pool) && sy_units_are_valid (), "an invariant is broken");
    }
  for (unsigned class = 1; class < SY_CLASSES; class++)
    while (worker->count[class] != 0)
      put_some (worker, class,
                worker->count[class] < batch_of (class) ? worker->count[class] : batch_of (class),
                &random);
  return NULL;
}

START_TEST (the_invariants_hold_after_random_operations)
{
  open_pool ((unsigned) _i);
  workers[0].number = 1;
  workers[0].steps = TEST_SANITIZED ? 3000 : 12000;
  workers[0].checks = true;
  (void) work (&workers[0]);
  sy_reap_drain (&pool);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (the_invariants_hold_while_threads_take_and_put)
{
  pthread_t thread[THREADS];

  open_pool ((unsigned) _i);
  for (unsigned at = 0; at < THREADS; at++)
    {
      workers[at].number = at + 1;
      workers[at].steps = TEST_SANITIZED ? 1500 : 8000;
      workers[at].checks = false;
      thread[at] = thread_start (work, &workers[at]);
    }
  threads_join (thread, THREADS);
  ck_assert (sy_pool_is_valid (&pool));
  sy_reap_drain (&pool);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_random (Suite *suite)
{
  TCase *tests = test_case (suite, "random", 60);

  tcase_add_loop_test (tests, the_invariants_hold_after_random_operations, 1, 4);
  tcase_add_loop_test (tests, the_invariants_hold_while_threads_take_and_put, 1, 6);
}
