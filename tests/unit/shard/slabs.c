/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "unit/child.h"
#include "unit/classes.h"
#include "base/os.h"
#include "unit/pool.h"
#include "suite.h"

#define FIRST 1u  /* the class of 16 bytes */
#define LAST (SY_CLASSES - 1)

/* How many units were ever used, of all classes. */
static uint32_t
units_used (void)
{
  uint32_t used = 0, first;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    used += sy_region_used (class, &first);
  return used;
}

START_TEST (no_shards_are_one_without_magazines)
{
  open_pool (0);
  ck_assert (pool.direct);
  ck_assert_uint_eq (pool.shard_count, 1);
  sy_pool_close (&pool);
  open_pool (1);
  ck_assert (!pool.direct);
  ck_assert_uint_eq (pool.shard_count, 1);
  sy_pool_close (&pool);
  open_pool (SY_SHARDS_MAX);
  ck_assert_uint_eq (pool.shard_count, SY_SHARDS_MAX);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (carved_blocks_rise_are_the_pools_and_are_whole)
{
  static void *blocks[SY_UNIT_BYTES / 16];
  unsigned class = (unsigned) _i, count = sy_size_classes[class].blocks;
  size_t bytes = sy_size_classes[class].bytes;
  char *start;

  open_pool (2);
  /* A slab to its end. */
  carve (0, class, count, blocks);
  start = sy_region_address (sy_region_slab_of (blocks[count - 1]));
  for (unsigned at = 0; at < count; at++)
    {
      test_must (blocks[count - 1 - at] == start + at * bytes, "block %u of %u", at, count);
      test_must (sy_pool_class_of (&pool, start + at * bytes) == class, "block %u", at);
      test_must (sy_pool_class_of (&pool, start + at * bytes + bytes - 1) == class, "the end of block %u", at);
      memset (start + at * bytes, (int) at | 1, bytes);
    }
  for (unsigned at = 0; at < count; at++)
    test_must (start[at * bytes] == (char) (at | 1) && start[at * bytes + bytes - 1] == (char) (at | 1), "block %u is not whole", at);
  ck_assert_uint_le (count * bytes, sy_class_slab_bytes (class));
  ck_assert_uint_eq (slabs_in (class), 1);
  ck_assert_uint_eq (AO_load (&bin (0, class)->free_blocks), 0);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, class, blocks, count);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (the_map_knows_every_unit_of_a_slab_while_it_is_the_pools)
{
  unsigned class = (unsigned) _i, units = sy_size_classes[class].units;
  void *blocks[1];
  uint32_t slab;

  open_pool (2);
  carve (1, class, 1, blocks);
  slab = sy_region_slab_of (blocks[0]);
  ck_assert_ptr_eq (sy_slab_at (slab)->owner, &pool);
  for (uint32_t unit = 0; unit < units; unit++)
    {
      ck_assert_uint_eq (pool.map[slab + unit], class);
      ck_assert_uint_eq (sy_pool_class_of (&pool, sy_region_address (slab + unit)), class);
    }
  ck_assert_uint_eq (pool.map[slab + units], 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, sy_region_address (slab + units)), 0);
  sy_pool_put (&pool, 0, class, blocks, 1);
  for (uint32_t unit = 0; unit < units; unit++)
    ck_assert_uint_eq (pool.map[slab + unit], 0);
  ck_assert_ptr_null (sy_slab_at (slab)->owner);
  sy_pool_close (&pool);
}
END_TEST

START_TEST (an_empty_slab_leaves_and_comes_back_for_its_class_only)
{
  unsigned count = sy_size_classes[LAST].blocks + 1;
  void *blocks[300];

  open_pool (1);
  carve (0, FIRST, 10, blocks);

  uint32_t slab = sy_region_slab_of (blocks[0]);

  ck_assert_ptr_eq (sy_slab_at (slab)->owner, &pool);
  sy_pool_put (&pool, 0, FIRST, blocks, 10);
  ck_assert_uint_eq (slabs_in (FIRST), 0);
  ck_assert_uint_eq (pool.map[slab], 0);
  ck_assert_ptr_null (sy_slab_at (slab)->owner);

  /* More than a slab of the largest class. */
  ck_assert_uint_le (count, 300);
  carve (0, LAST, count, blocks);
  ck_assert_uint_eq (slabs_in (LAST), 2);
  ck_assert_uint_eq (slabs_in_map (LAST), 2);
  ck_assert_uint_eq (pool.map[slab], 0);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, LAST, blocks, count);
  carve (0, FIRST, 10, blocks);
  ck_assert_uint_eq (sy_region_slab_of (blocks[0]), slab);
  sy_pool_put (&pool, 0, FIRST, blocks, 10);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- What is known to be zero ---- */

/* Carves count blocks at once; whether all are said to be zero. */
static bool
carve_zeroed (unsigned class, unsigned count, void **blocks)
{
  bool said = true;

  ck_assert_uint_eq (sy_pool_carve (&pool, 0, class, count, blocks + count, &said), count);
  return said;
}

START_TEST (blocks_are_zero_until_they_were_handed_out_since_the_memory_came)
{
  unsigned class = (unsigned) _i, count = blocks_of (class, 30) / 2;
  size_t bytes = sy_size_classes[class].bytes;
  void *blocks[30], *more[30];

  open_pool (1);
  (void) sy_region_trim ();
  ck_assert (carve_zeroed (class, count, blocks));
  for (unsigned at = 0; at < count; at++)
    for (size_t byte = 0; byte < bytes; byte++)
      test_must (((char *) blocks[at])[byte] == 0, "byte %zu of block %u", byte, at);
  ck_assert_msg (carve_zeroed (class, 1, more), "the next one was never handed out");
  for (unsigned at = 0; at < count; at++)
    memset (blocks[at], 0x5a, bytes);
  void *last = blocks[0];

  sy_pool_put (&pool, 0, class, &last, 1);
  ck_assert_msg (!carve_zeroed (class, 1, blocks), "one that was put back");
  sy_pool_put (&pool, 0, class, blocks, count);
  sy_pool_put (&pool, 0, class, more, 1);
  must_be_empty ();

  /* The slab is spare, and remembers; once its pages are gone its blocks are zero again. */
  ck_assert (!carve_zeroed (class, count, blocks));
  sy_pool_put (&pool, 0, class, blocks, count);
  ck_assert_uint_gt (sy_region_trim (), 0);
  ck_assert (carve_zeroed (class, count, blocks));
  for (unsigned at = 0; at < count; at++)
    for (size_t byte = 0; byte < bytes; byte++)
      test_must (((char *) blocks[at])[byte] == 0, "byte %zu of block %u", byte, at);
  sy_pool_put (&pool, 0, class, blocks, count);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_closed_pools_slabs_are_not_zero_for_the_next)
{
  unsigned class = (unsigned) _i;
  void *blocks[4];

  open_pool (1);
  (void) sy_region_trim ();
  ck_assert (carve_zeroed (class, 4, blocks));
  sy_pool_close (&pool);
  open_pool (1);
  ck_assert (!carve_zeroed (class, 4, blocks));
  sy_pool_put (&pool, 0, class, blocks, 4);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- Fullness, shards and depots ---- */

START_TEST (carving_takes_from_the_fullest_slab_first)
{
  unsigned class = (unsigned) _i, per_slab = sy_size_classes[class].blocks;
  static void *blocks[3 * SY_UNIT_BYTES / 16];
  void *more[1];

  open_pool (1);
  carve (0, class, 3 * per_slab, blocks);

  uint32_t slab[3];
  unsigned found = 0;

  for (unsigned at = 0; at < 3 * per_slab && found < 3; at++)
    if (found == 0 || sy_region_slab_of (blocks[at]) != slab[found - 1])
      slab[found++] = sy_region_slab_of (blocks[at]);
  ck_assert_uint_eq (found, 3);
  /* The second keeps nearly all, the others hardly any. */
  for (unsigned at = 0, freed[3] = { 0, 0, 0 }; at < 3 * per_slab; at++)
    for (unsigned which = 0; which < 3; which++)
      if (blocks[at] != NULL && sy_region_slab_of (blocks[at]) == slab[which] && freed[which] < (which == 1 ? 1 : per_slab - 2))
        {
          void *block = blocks[at];

          freed[which]++;
          sy_pool_put (&pool, 0, class, &block, 1);
          blocks[at] = NULL;
          break;
        }
  carve (0, class, 1, more);
  ck_assert_uint_eq (sy_region_slab_of (more[0]), slab[1]);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (blocks_go_back_to_their_own_shards)
{
  void *blocks[30];

  open_pool (3);
  for (unsigned shard = 0; shard < 3; shard++)
    {
      if (shard > 0)
        AO_store (&bin (shard - 1, FIRST)->free_blocks, 0); /* as if it had none: a hint only */
      carve (shard, FIRST, 10, blocks + 10 * shard);
      ck_assert_uint_eq (sy_slab_at (sy_region_slab_of (blocks[10 * shard]))->shard, shard);
    }
  for (unsigned shard = 0; shard < 2; shard++)
    AO_store (&bin (shard, FIRST)->free_blocks, sy_size_classes[FIRST].blocks - 10);
  ck_assert (sy_pool_is_valid (&pool));
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 0);
  sy_pool_put (&pool, 1, FIRST, blocks, 30);
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 20);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_depot_gives_to_home_first_and_to_neighbours_after)
{
  struct sy_magazine *magazine[2];

  open_pool (4);
  magazine[0] = full_magazine (0, 2, 20);
  magazine[1] = full_magazine (0, 2, 20);
  ck_assert (sy_pool_store (&pool, 1, 2, magazine[0]));
  ck_assert (sy_pool_store (&pool, 2, 2, magazine[1]));
  ck_assert_ptr_eq (sy_pool_load (&pool, 2, 2), magazine[1]);
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 0);
  ck_assert_ptr_eq (sy_pool_load (&pool, 2, 2), magazine[0]); /* two steps on, around the end */
  ck_assert_ptr_null (sy_pool_load (&pool, 2, 2));
  ck_assert_ptr_null (sy_pool_load (&pool, 1, 3));
  for (unsigned at = 0; at < 2; at++)
    {
      sy_pool_put (&pool, 0, 2, sy_magazine_end (magazine[at]) - 20, 20);
      sy_magazine_give (magazine[at]);
    }
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Others take only what lay there since the last look, once the depot's own threads took something. */
START_TEST (what_a_depots_own_threads_work_with_is_left_to_them)
{
  unsigned own = sy_home (0, 0), other = sy_home (0, 1), far = sy_home (1, 0);
  struct sy_magazine *magazine[4];

  open_pool (2);
  for (unsigned at = 0; at < 4; at++)
    {
      magazine[at] = full_magazine (own, FIRST, 20);
      ck_assert (sy_pool_store (&pool, own, FIRST, magazine[at]));
    }
  ck_assert_ptr_eq (sy_pool_load (&pool, other, FIRST), magazine[3]);
  ck_assert_ptr_eq (sy_pool_load (&pool, own, FIRST), magazine[2]);
  ck_assert_ptr_null (sy_pool_load (&pool, other, FIRST));
  ck_assert_ptr_null (sy_pool_load (&pool, far, FIRST));

  /* As a look leaves it; one more is used and comes back. */
  AO_store (&bin (0, FIRST)->depot_low[0], 2);
  AO_store (&bin (0, FIRST)->depot_used[0], 0);
  ck_assert_ptr_eq (sy_pool_load (&pool, own, FIRST), magazine[1]);
  ck_assert (sy_pool_store (&pool, own, FIRST, magazine[1]));
  ck_assert_ptr_eq (sy_pool_load (&pool, far, FIRST), magazine[1]);
  ck_assert_ptr_null (sy_pool_load (&pool, other, FIRST));

  /* A thread that found nothing there has not used it; nor does one that has left. */
  ck_assert_ptr_eq (sy_pool_load (&pool, own, FIRST), magazine[0]);
  ck_assert (sy_pool_store (&pool, own, FIRST, magazine[0]));
  ck_assert_ptr_null (sy_pool_load (&pool, far, FIRST));
  sy_pool_leave (&pool, own, FIRST);
  ck_assert_ptr_eq (sy_pool_load (&pool, far, FIRST), magazine[0]);
  ck_assert_ptr_null (sy_pool_load (&pool, own, FIRST));
  ck_assert (sy_pool_store (&pool, own, FIRST, magazine[0]));
  ck_assert_ptr_eq (sy_pool_load (&pool, other, FIRST), magazine[0]);
  for (unsigned at = 0; at < 4; at++)
    {
      sy_pool_put (&pool, own, FIRST, sy_magazine_end (magazine[at]) - 20, 20);
      sy_magazine_give (magazine[at]);
    }
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Of one shard: the thread's own first, then the others in their order, then the next shard's, its own number first there too. */
START_TEST (a_home_has_a_depot_of_its_own)
{
  unsigned from[] = { sy_home (1, 2), sy_home (1, 3), sy_home (1, 0), sy_home (0, 2), sy_home (0, 1) };
  struct sy_magazine *magazine[5];

  open_pool (2);
  for (unsigned at = 5; at-- != 0;)
    {
      magazine[at] = full_magazine (from[at], 2, 20);
      ck_assert (sy_pool_store (&pool, from[at], 2, magazine[at]));
    }
  for (unsigned at = 0; at < 5; at++)
    ck_assert_ptr_eq (sy_pool_load (&pool, from[0], 2), magazine[at]);
  ck_assert_ptr_null (sy_pool_load (&pool, from[0], 2));
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 40);
  for (unsigned at = 0; at < 5; at++)
    {
      sy_pool_put (&pool, from[0], 2, sy_magazine_end (magazine[at]) - 20, 20);
      sy_magazine_give (magazine[at]);
    }
  must_be_empty ();
  for (unsigned number = 0; number < 4 * SY_DEPOTS; number++)
    ck_assert_uint_eq (sy_pool_home (&pool), sy_home (number % 2, number / 2 % SY_DEPOTS));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_depot_refuses_more_than_its_fill)
{
  unsigned class = (unsigned) _i, depth = sy_size_classes[class].depot_depth, rounds = blocks_of (class, 8);
  struct sy_magazine *extra;

  open_pool (2);
  for (unsigned at = 0; at < depth; at++)
    ck_assert (sy_pool_store (&pool, 1, class, full_magazine (1, class, rounds)));
  extra = full_magazine (1, class, rounds);
  ck_assert (!sy_pool_store (&pool, 1, class, extra));
  ck_assert_msg (sy_pool_store (&pool, 0, class, extra), "another shard's has room");
  ck_assert_uint_eq (sy_depot_depth (&bin (1, class)->depot[0]), depth);
  sy_pool_drain (&pool);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- Busy locks ---- */

static AO_t carved;
static void *got[8];

static void *
carve_at_home (void *argument)
{
  AO_store_release (&carved, sy_pool_carve (&pool, (unsigned) (uintptr_t) argument, FIRST, 8, got + 8, &zeroed));
  return NULL;
}

START_TEST (a_busy_lock_is_not_waited_for_while_another_bin_has_blocks)
{
  pthread_t thread;
  void *seed[2];

  open_pool (2);
  carve (0, FIRST, 1, seed);
  AO_store (&bin (0, FIRST)->free_blocks, 0);
  carve (1, FIRST, 1, seed + 1);
  AO_store (&bin (0, FIRST)->free_blocks, sy_size_classes[FIRST].blocks - 1);
  ck_assert_uint_eq (slabs_in (FIRST), 2);

  AO_store (&carved, 0);
  sy_timed_lock_take (&bin (0, FIRST)->lock);
  ck_assert_int_eq (pthread_create (&thread, NULL, carve_at_home, (void *) 0), 0);
  pthread_join (thread, NULL); /* would wait for ever */
  sy_timed_lock_release (&bin (0, FIRST)->lock);
  ck_assert_uint_eq (AO_load_acquire (&carved), 8);
  ck_assert_uint_eq (sy_slab_at (sy_region_slab_of (got[0]))->shard, 1);
  ck_assert_uint_eq (AO_load (&bin (0, FIRST)->lock.contention), 0);
  ck_assert_uint_eq (slabs_in (FIRST), 2);
  sy_pool_put (&pool, 1, FIRST, got, 8);
  sy_pool_put (&pool, 1, FIRST, seed, 2);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_busy_lock_is_waited_for_when_nobody_else_has_blocks)
{
  pthread_t thread;
  void *seed[1];

  open_pool (2);
  carve (0, FIRST, 1, seed);
  AO_store (&carved, 0);
  sy_timed_lock_take (&bin (0, FIRST)->lock);
  ck_assert_int_eq (pthread_create (&thread, NULL, carve_at_home, (void *) 0), 0);
  usleep (100000);
  ck_assert_uint_eq (AO_load_acquire (&carved), 0);
  sy_timed_lock_release (&bin (0, FIRST)->lock);
  pthread_join (thread, NULL);
  ck_assert_uint_eq (AO_load_acquire (&carved), 8);
  ck_assert_uint_eq (AO_load (&bin (0, FIRST)->lock.contention), 1);
  sy_pool_put (&pool, 0, FIRST, got, 8);
  sy_pool_put (&pool, 0, FIRST, seed, 1);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

static void *
carve_one (void *block)
{
  return (void *) (uintptr_t) sy_pool_carve (&pool, 0, FIRST, 1, (void **) block + 1, &zeroed);
}

START_TEST (a_slab_that_was_not_needed_after_all_leaves_again)
{
  pthread_t thread[4];
  void *blocks[4];

  open_pool (1);
  /* All four find nothing, start a slab each and wait for the lock; the first one's is enough for all. */
  sy_timed_lock_take (&bin (0, FIRST)->lock);
  for (unsigned at = 0; at < 4; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, carve_one, &blocks[at]), 0);
  while (slabs_in_map (FIRST) != 4)
    usleep (1000);
  sy_timed_lock_release (&bin (0, FIRST)->lock);
  for (unsigned at = 0; at < 4; at++)
    {
      void *taken;

      pthread_join (thread[at], &taken);
      ck_assert_ptr_eq (taken, (void *) 1);
    }
  ck_assert_uint_eq (slabs_in (FIRST), 1);
  ck_assert_uint_eq (slabs_in_map (FIRST), 1);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, FIRST, blocks, 4);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- The end ---- */

/* A thousand blocks of a class, or what three slabs hold; and a full magazine in a depot. */
static void
fill_with (unsigned class, void **blocks)
{
  unsigned shard = class % 3, count = 3 * sy_size_classes[class].blocks;

  carve (shard, class, count < 1000 ? count : 1000, blocks);
  ck_assert (sy_pool_store (&pool, shard, class, full_magazine (shard, class, sy_size_classes[class].rounds)));
}

START_TEST (closing_takes_back_live_blocks_and_full_depots)
{
  static void *blocks[SY_CLASSES][1000];
  size_t spare = sy_region_spare_bytes (), bytes = 0;

  open_pool (3);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      fill_with (class, blocks[class]);
      bytes += slabs_in (class) * sy_class_slab_bytes (class);
    }

  size_t magazines = sy_magazine_committed_bytes ();
  uint32_t used = units_used ();

  sy_pool_close (&pool);
  ck_assert_uint_ge (sy_region_spare_bytes (), spare < bytes ? bytes : spare);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    ck_assert_ptr_null (sy_slab_at (sy_region_slab_of (blocks[class][0]))->owner);
  for (unsigned round = 0; round < 50; round++)
    {
      open_pool (3);
      for (unsigned class = 1; class < SY_CLASSES; class++)
        fill_with (class, blocks[class]);
      sy_pool_close (&pool);
    }
  ck_assert_uint_eq (units_used (), used);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
}
END_TEST

START_TEST (pools_know_their_own_blocks_only)
{
  struct sy_pool other;
  void *mine[1], *theirs[1];

  open_pool (1);
  memset (&other, 0, sizeof other);
  ck_assert (sy_pool_open (&other, 1));
  carve (0, FIRST, 1, mine);
  ck_assert_uint_eq (sy_pool_carve (&other, 0, FIRST, 1, theirs + 1, &zeroed), 1);
  ck_assert_uint_eq (sy_pool_class_of (&pool, mine[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&other, theirs[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&pool, theirs[0]), 0);
  ck_assert_uint_eq (sy_pool_class_of (&other, mine[0]), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, &other), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, NULL), 0);
  sy_pool_close (&other);
  ck_assert_uint_eq (sy_pool_class_of (&pool, mine[0]), FIRST);
  sy_pool_close (&pool);
}
END_TEST

/* ---- Misuse that the put meets ---- */

static int
put_twice (void *blocks)
{
  ((void **) blocks)[1] = ((void **) blocks)[0];
  sy_pool_put (&pool, 0, FIRST, blocks, 2);
  return 0;
}

struct put
{
  unsigned class;
  char *pointer;
};

static int
put_it (void *argument)
{
  struct put *put = argument;
  void *block = put->pointer;

  sy_pool_put (&pool, 0, put->class, &block, 1);
  return 0;
}

static void
must_be_the_middle (unsigned class, char *pointer)
{
  struct put put = { class, pointer };
  char line[128];

  snprintf (line, sizeof line, "sydra-alloc: free: %p: points into the middle of a block\n", (void *) pointer);
  child_must_abort (put_it, &put, line);
}

START_TEST (a_block_that_is_free_already_is_reported)
{
  void *blocks[3];
  char line[128];

  open_pool (1);
  carve (0, FIRST, 3, blocks);
  snprintf (line, sizeof line, "sydra-alloc: free: %p: block freed twice\n", blocks[0]);
  child_must_abort (put_twice, blocks, line);
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_pointer_into_a_block_is_reported_in_every_unit_of_its_slab)
{
  unsigned class = (unsigned) _i;
  size_t bytes = sy_size_classes[class].bytes;
  void *blocks[1];
  char *start;

  open_pool (1);
  carve (0, class, 1, blocks);
  start = blocks[0];
  must_be_the_middle (class, start + 8);
  must_be_the_middle (class, start + bytes - 1);
  for (uint32_t unit = 1; unit < sy_size_classes[class].units; unit++)
    {
      /* The first block that begins in the unit. */
      size_t block = (unit * SY_UNIT_BYTES + bytes - 1) / bytes * bytes;

      must_be_the_middle (class, start + block + 16);
      must_be_the_middle (class, start + block - 16);
    }
  sy_pool_close (&pool);
}
END_TEST

START_TEST (what_lies_behind_a_slabs_last_block_is_reported)
{
  unsigned class = (unsigned) _i, with_tail = 0;
  size_t used = sy_size_classes[class].blocks * (size_t) sy_size_classes[class].bytes;
  void *blocks[1];

  open_pool (1);
  carve (0, class, 1, blocks);
  for (size_t at = used; at < sy_class_slab_bytes (class); at += (sy_class_slab_bytes (class) - used + 1) / 2, with_tail++)
    must_be_the_middle (class, (char *) blocks[0] + at);
  ck_assert_uint_eq (with_tail, used == sy_class_slab_bytes (class) ? 0 : 2);
  sy_pool_close (&pool);
}
END_TEST

/* ---- Random operations, and many threads ---- */

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

/* Blocks of a class that are taken or put at once, and that a worker holds at the most: a bounded number of bytes. */
static unsigned
batch_of (unsigned class)
{
  return sy_size_classes[class].rounds < 125 ? sy_size_classes[class].rounds : 125;
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
  unsigned taken = sy_pool_carve (&pool, worker->number % pool.shard_count, class, count, blocks + 125, &zeroed);

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
      test_must (*(uintptr_t *) blocks[at] == ((uintptr_t) blocks[at] ^ worker->number), "a block in two hands");
      test_must (*last_word (blocks[at], class) == *(uintptr_t *) blocks[at], "the end of a block in two hands");
    }
  sy_pool_put (&pool, (unsigned) test_random_below (random, pool.shard_count), class, blocks, count);
}

static void *
work (void *argument)
{
  struct worker *worker = argument;
  struct test_random random = test_random_make (worker->number);

  uint32_t first_of[SY_CLASSES];

  for (unsigned class = 0; class < SY_CLASSES; class++)
    (void) sy_region_used (class, &first_of[class]);
  memset (worker->count, 0, sizeof worker->count);
  for (unsigned step = 0; step < worker->steps; step++)
    {
      unsigned class = 1 + (unsigned) test_random_below (&random, SY_CLASSES - 1), batch = batch_of (class);
      unsigned count = 1 + (unsigned) test_random_below (&random, batch), rounds = sy_size_classes[class].rounds;
      bool takes = worker->count[class] < batch || (worker->count[class] < held_most (class) - batch && test_random_below (&random, 2));

      if (takes)
        take_some (worker, class, count);
      else
        put_some (worker, class, count, &random);
      if (test_random_below (&random, 50) == 0)
        {
          struct sy_magazine *magazine = sy_pool_load (&pool, worker->number % pool.shard_count, class);

          if (magazine == NULL)
            {
              magazine = sy_magazine_take ();
              test_must (magazine != NULL, "out of magazines");
              (void) sy_magazine_clear (magazine, rounds);
              for (unsigned at = 0; at < rounds;)
                at += sy_pool_carve (&pool, 0, class, rounds - at, sy_magazine_end (magazine) - at, &zeroed);
            }
          if (!sy_pool_store (&pool, (unsigned) test_random_below (&random, pool.shard_count), class, magazine))
            {
              sy_pool_put (&pool, 0, class, sy_magazine_end (magazine) - magazine->rounds, magazine->rounds);
              sy_magazine_give (magazine);
            }
        }
      /* Any value may be asked about, whoever works on its slab. */
      unsigned asked = sy_pool_class_of (&pool, sy_region_address (first_of[class]) + test_random_below (&random, 64 * SY_UNIT_BYTES));

      test_must (asked == 0 || asked == class, "class %u where %u lies", asked, class);
      if (step % 500 == 0)
        sy_pool_reap (&pool, sy_os_now_ns ());
      if (worker->checks ? step % 100 == 0 : step % 2000 == 0)
        test_must (sy_pool_is_valid (&pool), "an invariant is broken");
    }
  for (unsigned class = 1; class < SY_CLASSES; class++)
    while (worker->count[class] != 0)
      put_some (worker, class, worker->count[class] < batch_of (class) ? worker->count[class] : batch_of (class), &random);
  return NULL;
}

START_TEST (the_invariants_hold_after_random_operations)
{
  open_pool ((unsigned) _i);
  workers[0].number = 1;
  workers[0].steps = TEST_SANITIZED ? 3000 : 12000;
  workers[0].checks = true;
  (void) work (&workers[0]);
  sy_pool_drain (&pool);
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
      ck_assert_int_eq (pthread_create (&thread[at], NULL, work, &workers[at]), 0);
    }
  for (unsigned at = 0; at < THREADS; at++)
    pthread_join (thread[at], NULL);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_drain (&pool);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("shard");
  TCase *tests = test_case (suite, "pool", 20), *threads = test_case (suite, "threads", 60);

  tcase_add_test (tests, no_shards_are_one_without_magazines);
  tcase_add_loop_test (tests, carved_blocks_rise_are_the_pools_and_are_whole, 1, SY_CLASSES);
  tcase_add_loop_test (tests, the_map_knows_every_unit_of_a_slab_while_it_is_the_pools, 1, SY_CLASSES);
  tcase_add_test (tests, an_empty_slab_leaves_and_comes_back_for_its_class_only);
  tcase_add_loop_test (tests, blocks_are_zero_until_they_were_handed_out_since_the_memory_came, 1, SY_CLASSES);
  tcase_add_loop_test (tests, a_closed_pools_slabs_are_not_zero_for_the_next, 1, SY_CLASSES);
  tcase_add_loop_test (tests, carving_takes_from_the_fullest_slab_first, 1, SY_CLASSES);
  tcase_add_test (tests, blocks_go_back_to_their_own_shards);
  tcase_add_test (tests, a_depot_gives_to_home_first_and_to_neighbours_after);
  tcase_add_test (tests, what_a_depots_own_threads_work_with_is_left_to_them);
  tcase_add_test (tests, a_home_has_a_depot_of_its_own);
  tcase_add_loop_test (tests, a_depot_refuses_more_than_its_fill, 1, SY_CLASSES);
  tcase_add_test (tests, a_busy_lock_is_not_waited_for_while_another_bin_has_blocks);
  tcase_add_test (tests, a_busy_lock_is_waited_for_when_nobody_else_has_blocks);
  tcase_add_test (tests, a_slab_that_was_not_needed_after_all_leaves_again);
  tcase_add_test (tests, closing_takes_back_live_blocks_and_full_depots);
  tcase_add_test (tests, pools_know_their_own_blocks_only);
  tcase_add_test (tests, a_block_that_is_free_already_is_reported);
  tcase_add_loop_test (tests, a_pointer_into_a_block_is_reported_in_every_unit_of_its_slab, 1, SY_CLASSES);
  tcase_add_loop_test (tests, what_lies_behind_a_slabs_last_block_is_reported, 1, SY_CLASSES);
  tcase_add_loop_test (threads, the_invariants_hold_after_random_operations, 1, 4);
  tcase_add_loop_test (threads, the_invariants_hold_while_threads_take_and_put, 1, 6);
  return test_run (suite);
}
