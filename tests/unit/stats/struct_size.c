/* SPDX-License-Identifier: MIT */
/* struct_size.c: callers that know a smaller or a larger struct. */
#include <config.h>

#include <errno.h>

#include "stats.h"

START_TEST (a_smaller_struct_is_filled_in_as_far_as_it_goes)
{
  struct sydra_stats stats;
  unsigned char *bytes = (unsigned char *) &stats;
  size_t least = offsetof (struct sydra_stats, high_water_bytes);

  sydra_free (a, sydra_malloc (a, 1));
  for (size_t size = 0; size <= sizeof stats; size += 4)
    {
      memset (&stats, 0x5a, sizeof stats);
      stats.size = size;
      if (size < least)
        {
          ck_assert_int_eq (sydra_stats_get (a, &stats), EINVAL);
          for (size_t at = sizeof stats.size; at < sizeof stats; at++)
            test_must (bytes[at] == 0x5a, "size %zu: byte %zu written", size, at);
          continue;
        }
      ck_assert_int_eq (sydra_stats_get (a, &stats), 0);
      ck_assert_uint_eq (stats.size, size);
      ck_assert_uint_eq (stats.allocations, 1);
      for (size_t at = size; at < sizeof stats; at++)
        test_must (bytes[at] == 0x5a, "size %zu: byte %zu written", size, at);
    }
}
END_TEST

START_TEST (a_larger_struct_learns_how_much_was_filled_in)
{
  struct
  {
    struct sydra_stats stats;
    unsigned char more[64];
  } later;

  memset (&later, 0x5a, sizeof later);
  later.stats.size = sizeof later;
  ck_assert_int_eq (sydra_stats_get (a, &later.stats), 0);
  ck_assert_uint_eq (later.stats.size, sizeof later.stats);
  for (unsigned at = 0; at < sizeof later.more; at++)
    ck_assert_uint_eq (later.more[at], 0x5a);
}
END_TEST

void
stats_add_struct_size (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "struct_size", 20, tear_down);

  tcase_add_test (tests, a_smaller_struct_is_filled_in_as_far_as_it_goes);
  tcase_add_test (tests, a_larger_struct_learns_how_much_was_filled_in);
}
