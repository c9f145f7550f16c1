/* SPDX-License-Identifier: MIT */
/* depots.c: full magazines: whose they are, who may take them, and how many there may be. */
#include <config.h>

#include "shard.h"

START_TEST (a_depot_gives_to_home_first_and_to_neighbours_after)
{
  struct sy_magazine *magazine[2];

  open_pool (4);
  magazine[0] = full_magazine (0, 2, 20);
  magazine[1] = full_magazine (0, 2, 20);
  ck_assert (sy_pool_give_magazine (&pool, 1, 2, magazine[0]));
  ck_assert (sy_pool_give_magazine (&pool, 2, 2, magazine[1]));
  ck_assert_ptr_eq (take_magazine (&pool, 2, 2), magazine[1]);
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 0);
  /* Two steps on, around the end. */
  ck_assert_ptr_eq (take_magazine (&pool, 2, 2), magazine[0]);
  ck_assert_ptr_null (take_magazine (&pool, 2, 2));
  ck_assert_ptr_null (take_magazine (&pool, 1, 3));
  for (unsigned at = 0; at < 2; at++)
    {
      sy_pool_put (&pool, 0, 2, sy_magazine_end (magazine[at]) - 20, 20);
      sy_magazine_give (magazine[at]);
    }
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Others take only what lay there since the last look, once the depot's own threads took
   something. */
START_TEST (what_a_depots_own_threads_work_with_is_left_to_them)
{
  unsigned own = sy_home (0, 0), other = sy_home (0, 1), far = sy_home (1, 0);
  struct sy_magazine *magazine[4];

  open_pool (2);
  for (unsigned at = 0; at < 4; at++)
    {
      magazine[at] = full_magazine (own, FIRST, 20);
      ck_assert (sy_pool_give_magazine (&pool, own, FIRST, magazine[at]));
    }
  ck_assert_ptr_eq (take_magazine (&pool, other, FIRST), magazine[3]);
  ck_assert_ptr_eq (take_magazine (&pool, own, FIRST), magazine[2]);
  ck_assert_ptr_null (take_magazine (&pool, other, FIRST));
  ck_assert_ptr_null (take_magazine (&pool, far, FIRST));

  /* As a look leaves it; one more is used and comes back. */
  AO_store (&bin (0, FIRST)->depot[0].low, 2);
  AO_store (&bin (0, FIRST)->depot[0].used, 0);
  ck_assert_ptr_eq (take_magazine (&pool, own, FIRST), magazine[1]);
  ck_assert (sy_pool_give_magazine (&pool, own, FIRST, magazine[1]));
  ck_assert_ptr_eq (take_magazine (&pool, far, FIRST), magazine[1]);
  ck_assert_ptr_null (take_magazine (&pool, other, FIRST));

  /* A thread that found nothing there has not used it; nor does one that has left. */
  ck_assert_ptr_eq (take_magazine (&pool, own, FIRST), magazine[0]);
  ck_assert (sy_pool_give_magazine (&pool, own, FIRST, magazine[0]));
  ck_assert_ptr_null (take_magazine (&pool, far, FIRST));
  sy_pool_thread_ended (&pool, own, FIRST);
  ck_assert_ptr_eq (take_magazine (&pool, far, FIRST), magazine[0]);
  ck_assert_ptr_null (take_magazine (&pool, own, FIRST));
  ck_assert (sy_pool_give_magazine (&pool, own, FIRST, magazine[0]));
  ck_assert_ptr_eq (take_magazine (&pool, other, FIRST), magazine[0]);
  for (unsigned at = 0; at < 4; at++)
    {
      sy_pool_put (&pool, own, FIRST, sy_magazine_end (magazine[at]) - 20, 20);
      sy_magazine_give (magazine[at]);
    }
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Of one shard: the thread's own first, then the others in their order, then the next shard's,
   its own number first there too. */
START_TEST (a_home_has_a_depot_of_its_own)
{
  unsigned from[] = { sy_home (1, 2), sy_home (1, 3), sy_home (1, 0), sy_home (0, 2),
                      sy_home (0, 1) };
  struct sy_magazine *magazine[5];

  open_pool (2);
  for (unsigned at = 5; at-- != 0;)
    {
      magazine[at] = full_magazine (from[at], 2, 20);
      ck_assert (sy_pool_give_magazine (&pool, from[at], 2, magazine[at]));
    }
  for (unsigned at = 0; at < 5; at++)
    ck_assert_ptr_eq (take_magazine (&pool, from[0], 2), magazine[at]);
  ck_assert_ptr_null (take_magazine (&pool, from[0], 2));
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
  unsigned class = (unsigned) _i, depth = sy_size_classes[class].depot_depth,
           rounds = blocks_of (class, 8);
  struct sy_magazine *extra;

  open_pool (2);
  for (unsigned at = 0; at < depth; at++)
    ck_assert (sy_pool_give_magazine (&pool, 1, class, full_magazine (1, class, rounds)));
  extra = full_magazine (1, class, rounds);
  ck_assert (!sy_pool_give_magazine (&pool, 1, class, extra));
  ck_assert_msg (sy_pool_give_magazine (&pool, 0, class, extra), "another shard's has room");
  ck_assert_uint_eq (sy_depot_depth (&bin (1, class)->depot[0].depot), depth);
  sy_reap_drain (&pool);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Where the depot at home is full, another shard's blocks go to that shard's inbox, and any thread
   of that shard takes them. */
START_TEST (what_a_full_depot_refuses_goes_home)
{
  unsigned class = (unsigned) _i, depth = sy_size_classes[class].depot_depth, far = sy_home (1, 2);
  struct sy_magazine *foreign[2], *taken;

  open_pool (2);
  foreign[0] = full_magazine (sy_home (1, 0), class, 1);
  foreign[1] = full_magazine (sy_home (1, 0), class, 1);
  for (unsigned at = 0; at < depth; at++)
    ck_assert (sy_pool_give_magazine (&pool, 0, class, full_magazine (0, class, 1)));
  for (unsigned at = 0; at < 2; at++)
    ck_assert (sy_pool_give_magazine (&pool, 0, class, foreign[at]));
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 2);
  ck_assert_uint_eq (sy_depot_depth (&bin (1, class)->depot[SY_INBOX].depot), 2);
  taken = sy_pool_take_magazine (&pool, far, class);
  ck_assert_ptr_eq (taken, foreign[1]);
  ck_assert (sy_pool_give_magazine (&pool, far, class, taken));

  /* The inbox is as deep as a depot. */
  while (sy_depot_depth (&bin (1, class)->depot[SY_INBOX].depot) < depth)
    ck_assert (sy_pool_give_magazine (&pool, 0, class, full_magazine (1, class, 1)));
  taken = full_magazine (1, class, 1);
  ck_assert (!sy_pool_give_magazine (&pool, 0, class, taken));
  ck_assert (sy_pool_give_magazine (&pool, sy_home (1, 3), class, taken));
  sy_reap_drain (&pool);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_depots (Suite *suite)
{
  TCase *tests = test_case (suite, "depots", 20);

  tcase_add_test (tests, a_depot_gives_to_home_first_and_to_neighbours_after);
  tcase_add_test (tests, what_a_depots_own_threads_work_with_is_left_to_them);
  tcase_add_test (tests, a_home_has_a_depot_of_its_own);
  tcase_add_loop_test (tests, a_depot_refuses_more_than_its_fill, 1, SY_CLASSES);
  tcase_add_loop_test (tests, what_a_full_depot_refuses_goes_home, 1, SY_CLASSES);
}
