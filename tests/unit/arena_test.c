/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "child.h"
#include "base/os.h"
#include "suite.h"
#include "base/tuning.h"

#define MIB ((size_t) 1 << 20)

static void
must_be_valid (const struct sy_arena *arena)
{
  ck_assert_uint_le (arena->used, arena->committed);
  ck_assert_uint_le (arena->committed, arena->reserved);
  ck_assert_uint_eq (arena->committed % sy_os_page_bytes (), 0);
}

START_TEST (an_arena_grows_in_steps_and_keeps_what_it_has)
{
  struct sy_arena arena;

  ck_assert (sy_arena_open (&arena, 4 * MIB, MIB, 1));
  ck_assert_uint_eq (arena.reserved, 4 * MIB);
  ck_assert_uint_eq (arena.committed, 0);
  for (size_t bytes = 1; bytes <= arena.reserved; bytes += 300001)
    {
      size_t before = arena.committed;

      ck_assert (sy_arena_grow (&arena, bytes, SY_ARENA_STEP));
      must_be_valid (&arena);
      ck_assert_uint_ge (arena.committed, bytes);
      ck_assert_uint_ge (arena.committed, before);
      ck_assert_uint_eq (arena.committed % SY_ARENA_STEP, 0);
      arena.base[bytes - 1] = 1;
    }
  ck_assert (sy_arena_grow (&arena, 4 * MIB, SY_ARENA_STEP));
  ck_assert (!sy_arena_grow (&arena, 4 * MIB + 1, SY_ARENA_STEP));
  ck_assert (!sy_arena_grow (&arena, SIZE_MAX, SY_ARENA_STEP));
  ck_assert_uint_eq (arena.committed, 4 * MIB);
  sy_os_unmap (arena.base, arena.reserved);
}
END_TEST

START_TEST (every_step_commits_at_least_what_is_asked)
{
  for (size_t step = 1; step < 100000; step = 2 * step + step / 3)
    {
      struct sy_arena arena;

      ck_assert (sy_arena_open (&arena, MIB, MIB, 1));
      for (size_t bytes = 1; bytes <= MIB; bytes += 7777)
        {
          ck_assert (sy_arena_grow (&arena, bytes, step));
          test_must (arena.committed >= bytes, "step %zu: %zu bytes for %zu", step, arena.committed,
                     bytes);
        }
      sy_os_unmap (arena.base, arena.reserved);
    }
}
END_TEST

START_TEST (pieces_follow_each_other_zeroed_to_the_end)
{
  struct sy_arena arena;
  char *expected;

  ck_assert (sy_arena_open (&arena, MIB, MIB, 1));
  expected = arena.base;
  for (unsigned piece = 0; piece < MIB / 4096; piece++, expected += 4096)
    {
      char *start = sy_arena_take (&arena, 4096);

      ck_assert_ptr_eq (start, expected);
      for (unsigned at = 0; at < 4096; at++)
        test_must (start[at] == 0, "not zero");
      memset (start, 0x5a, 4096);
      must_be_valid (&arena);
    }
  ck_assert_ptr_null (sy_arena_take (&arena, 1));
  ck_assert_ptr_null (sy_arena_take (&arena, SIZE_MAX));
  ck_assert_uint_eq (arena.used, MIB);
  sy_os_unmap (arena.base, arena.reserved);
}
END_TEST

#if !TEST_SANITIZED
START_TEST (a_range_that_the_system_refuses_is_halved_until_it_agrees)
{
  struct sy_arena arena;
  /* Half of what 32 bits address may be there for one on a system of 64; then it is asked for
     what no system has. */
  size_t bytes = SIZE_MAX / 2 + 1 + (SY_WORD_BITS == 64 ? 0 : SIZE_MAX / 4 + 1);

  errno = 0;
  ck_assert (sy_arena_open (&arena, bytes, MIB, 1));
  ck_assert_uint_lt (arena.reserved, bytes);
  ck_assert_uint_ge (arena.reserved, MIB);
  ck_assert_uint_eq (bytes % arena.reserved, 0);
  ck_assert_int_eq (errno, 0);
  sy_os_unmap (arena.base, arena.reserved);
  ck_assert (!sy_arena_open (&arena, bytes, bytes, 1));
  ck_assert_ptr_null (arena.base);
  ck_assert_uint_eq (arena.reserved, 0);
  ck_assert_ptr_null (sy_arena_take (&arena, 1));
}
END_TEST

static int
open_under_limit (void *argument)
{
  struct rlimit limit = { 1024 * MIB, 1024 * MIB };
  struct sy_arena arena;

  (void) argument;
  if (setrlimit (RLIMIT_AS, &limit) != 0 || sy_os_address_limit () != 1024 * MIB)
    return 1;
  if (!sy_arena_open (&arena, 512 * MIB, MIB, 4) || arena.reserved != 256 * MIB)
    return 2;
  sy_os_unmap (arena.base, arena.reserved);
  if (!sy_arena_open (&arena, 512 * MIB, 512 * MIB, 4) || arena.reserved != 512 * MIB)
    return 3;
  sy_os_unmap (arena.base, arena.reserved);
  if (sy_arena_open (&arena, 2048 * MIB, 2048 * MIB, 1))
    return 4;
  return 0;
}

START_TEST (a_limit_on_address_space_is_shared)
{
  struct child child = child_run (open_under_limit, NULL);

  ck_assert_int_eq (child.status, 0);
}
END_TEST
#endif

int
main (void)
{
  Suite *suite = suite_create ("arena");
  TCase *tests = test_case (suite, "arena", 20);

  tcase_add_test (tests, an_arena_grows_in_steps_and_keeps_what_it_has);
  tcase_add_test (tests, every_step_commits_at_least_what_is_asked);
  tcase_add_test (tests, pieces_follow_each_other_zeroed_to_the_end);
#if !TEST_SANITIZED
  tcase_add_test (tests, a_range_that_the_system_refuses_is_halved_until_it_agrees);
  tcase_add_test (tests, a_limit_on_address_space_is_shared);
#endif
  return test_run (suite);
}
