/* SPDX-License-Identifier: MIT */
/* limits.c: what magazines hold is charged against the limit of the handle. */
#include <config.h>

#include "unit/child.h"
#include "thread_cache.h"

START_TEST (what_the_magazines_hold_is_charged_and_given_up_for_a_request)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *limited;
  unsigned made;

  options.max_bytes = 64 * 1024;
  limited = sydra_alloc_create (&options);
  for (made = 0; made < MANY && (blocks[made] = sydra_malloc (limited, 64)) != NULL; made++)
    ck_assert_uint_le (AO_load (&limited->charged), options.max_bytes);
  ck_assert_uint_eq (made, 1024);
  for (unsigned at = 0; at < made; at++)
    sydra_free (limited, blocks[at]);
  /* All of it in another class, though magazines and depots are full of the first. */
  for (made = 0; made < MANY && (blocks[made] = sydra_malloc (limited, 256)) != NULL; made++)
    ;
  ck_assert_uint_eq (made, 256);
  for (unsigned at = 0; at < made; at++)
    sydra_free (limited, blocks[at]);
  sy_cache_flush (sy_cache_get (limited, "test"));
  ck_assert_uint_eq (AO_load (&limited->charged), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (limited), 0);
}
END_TEST

START_TEST (nothing_stays_charged_when_all_is_freed_and_handed_in)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *limited;

  options.max_bytes = 8 << 20;
  limited = sydra_alloc_create (&options);
  for (unsigned round = 0; round < 3; round++)
    for (size_t size = 1; size <= SY_SMALL_MAX + 5000; size += size < 256 ? 15 : 1 + size / 5)
      {
        size_t most = options.max_bytes / 2 / size, count = most < MANY ? most : MANY;

        for (size_t at = 0; at < count; at++)
          test_must ((blocks[at] = sydra_malloc (limited, size)) != NULL, "no block of %zu", size);
        for (size_t at = 0; at < count; at++)
          sydra_free (limited, blocks[at]);
      }
  sy_cache_flush (sy_cache_get (limited, "test"));
  ck_assert_uint_eq (AO_load (&limited->charged), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (limited), 0);
}
END_TEST

/* Takes all addresses that are left, and all magazines. */
static void
use_up_memory (void)
{
  struct rlimit none = { 0, RLIM_INFINITY };

  require (setrlimit (RLIMIT_AS, &none) == 0, "no limit");
  while (sy_magazine_take () != NULL)
    ;
}

static int
free_without_new_magazines (void *argument)
{
  unsigned count = 4000, misses;

  (void) argument;
  for (unsigned at = 0; at < count; at++)
    require ((blocks[at] = sydra_malloc (a, BYTES)) != NULL, "no block");
  use_up_memory ();
  misses = (unsigned) AO_load (&mine ()->books.changes) / 2;
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, blocks[at]);
  misses = (unsigned) AO_load (&mine ()->books.changes) / 2 - misses;
  require (misses <= count / 8, "%u misses of %u frees", misses, count);
  return 0;
}

/* The blocks go back, a magazine at a time. */
START_TEST (frees_need_no_memory)
{
  struct child child;

  if (a->pool.direct || SY_DEBUG)
    return;
  child = child_run (free_without_new_magazines, NULL);
  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
thread_cache_add_limits (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "limits", 20, tear_down);

  tcase_add_test (tests, what_the_magazines_hold_is_charged_and_given_up_for_a_request);
  tcase_add_test (tests, nothing_stays_charged_when_all_is_freed_and_handed_in);
  if (!TEST_SANITIZED)
    tcase_add_test (tests, frees_need_no_memory);
}
