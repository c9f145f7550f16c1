/* SPDX-License-Identifier: MIT */
/* births.c: a thread's cache when it is new, and whose it is. */
#include <config.h>

#include "thread_cache.h"

START_TEST (a_new_cache_is_empty_and_full_at_once)
{
  struct sy_cache *cache = mine ();

  ck_assert_ptr_nonnull (cache);
  ck_assert_ptr_eq (sy_cache_last, cache);
  ck_assert_ptr_eq (mine (), cache);
  for (unsigned class = 0; class < SY_CLASSES; class++)
    {
      ck_assert (sy_magazine_is_empty (sy_cache_top (cache, class)));
      ck_assert (sy_magazine_is_full (sy_cache_top (cache, class)));
      ck_assert_ptr_null (sy_cache_loaded (cache, class));
      ck_assert_ptr_null (cache->previous[class]);
      ck_assert_uint_eq (cache->capacity[class], 0);
    }
  ck_assert_uint_eq (cache->budget_used, 0);
  ck_assert (!has_blocks (cache));
  ck_assert_uint_eq (AO_load (&cache->books.changes) % 2, 0);
}
END_TEST

START_TEST (class_0_stays_without_a_magazine)
{
  take (MANY);
  give (MANY);
  ck_assert_ptr_null (sy_cache_loaded (mine (), 0));
  ck_assert_ptr_null (mine ()->previous[0]);
}
END_TEST

START_TEST (a_thread_has_one_cache_of_each_handle)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);
  struct sy_cache *here = mine (), *there = sy_cache_get (other, "test");

  ck_assert_ptr_ne (here, there);
  for (unsigned at = 0; at < 10; at++)
    {
      ck_assert_ptr_eq (mine (), here);
      ck_assert_ptr_eq (sy_cache_get (other, "test"), there);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (other), 0);
}
END_TEST

void
thread_cache_add_births (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "births", 20, tear_down);

  tcase_add_test (tests, a_new_cache_is_empty_and_full_at_once);
  tcase_add_test (tests, class_0_stays_without_a_magazine);
  tcase_add_test (tests, a_thread_has_one_cache_of_each_handle);
}
