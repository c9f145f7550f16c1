/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "child.h"
#include "base/os.h"
#include "suite.h"

static int
read_it (void *address)
{
  signal (SIGSEGV, SIG_DFL);
  return *(volatile char *) address;
}

START_TEST (reserved_pages_are_nobodys_until_committed)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_reserve (8 * page);

  ck_assert_ptr_nonnull (start);
  if (!TEST_SANITIZED)
    {
      struct child child = child_run (read_it, start);

      ck_assert (WIFSIGNALED (child.status) && WTERMSIG (child.status) == SIGSEGV);
    }
  ck_assert (sy_os_commit (start + 2 * page, 3 * page));
  for (size_t at = 2 * page; at < 5 * page; at++)
    test_must (start[at] == 0, "not zero");
  memset (start + 2 * page, 0x5a, 3 * page);
  if (!TEST_SANITIZED)
    {
      struct child child = child_run (read_it, start + 5 * page);

      ck_assert (WIFSIGNALED (child.status) && WTERMSIG (child.status) == SIGSEGV);
    }
  sy_os_unmap (start, 8 * page);
}
END_TEST

START_TEST (discarded_pages_read_as_zero_and_stay_writable)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (4 * page);

  ck_assert_ptr_nonnull (start);
  memset (start, 0x5a, 4 * page);
  ck_assert (sy_os_discard (start + page, 2 * page));
  for (size_t at = 0; at < 4 * page; at++)
    test_must (start[at] == (at < page || at >= 3 * page ? 0x5a : 0), "byte %zu", at);
  memset (start, 1, 4 * page);
  sy_os_unmap (start, 4 * page);
}
END_TEST

START_TEST (pages_are_in_memory_once_written_and_until_discarded)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (8 * page);

  ck_assert_uint_eq (sy_os_resident_bytes (start, 8 * page), 0);
  start[0] = start[3 * page] = start[7 * page + 1] = 1;
  ck_assert_uint_eq (sy_os_resident_bytes (start, 8 * page), 3 * page);
  /* a page begun counts */
  ck_assert_uint_eq (sy_os_resident_bytes (start + page, 6 * page + 1), 2 * page);
  ck_assert (sy_os_discard (start + 2 * page, 2 * page));
  ck_assert_uint_eq (sy_os_resident_bytes (start, 8 * page), 2 * page);
  sy_os_unmap (start, 8 * page);
  errno = 77;
  ck_assert_uint_eq (sy_os_resident_bytes (start, 8 * page), 8 * page); /* not mapped: not known */
  ck_assert_int_eq (errno, 77);
}
END_TEST

START_TEST (pages_are_populated_together_or_stay_as_they_are)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (8 * page);

  start[3 * page] = 1;
  errno = 77;

  bool known = sy_os_populate (start, 6 * page);

  /* A system before Linux 5.14 does not know how. */
  ck_assert_uint_eq (sy_os_resident_bytes (start, 8 * page), known ? 6 * page : page);
  for (size_t at = 0; at < 8 * page; at++)
    test_must (start[at] == (at == 3 * page), "byte %zu is %d", at, start[at]);
  sy_os_unmap (start, 8 * page);
  ck_assert_int_eq (sy_os_populate (start, 8 * page), known); /* refused */
  ck_assert_int_eq (errno, 77);
}
END_TEST

START_TEST (refusals_are_said_and_keep_errno)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (page);

  /* A process of 32 bits may have half of all addresses. */
  size_t much = sizeof (size_t) == 8 ? SIZE_MAX / 2 + 1 : SIZE_MAX - SIZE_MAX / 16;

  errno = 77;
  ck_assert_ptr_null (sy_os_reserve (much));
  ck_assert_ptr_null (sy_os_map (much));
  sy_os_unmap (start, page);
  ck_assert (!sy_os_commit (start, page));
  ck_assert (!sy_os_discard (start, page));
  sy_os_unmap (start + 1, page); /* not a page's start: refused */
  ck_assert_int_eq (errno, 77);
}
END_TEST

START_TEST (moved_pages_are_where_they_were_moved_to_and_locked_ones_stay)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (8 * page);
  enum sy_moved moved;

  ck_assert_ptr_nonnull (start);
  memset (start, 0x5a, 3 * page);
  errno = 77;
  moved = sy_os_move (start, start + 4 * page, 3 * page);
  ck_assert_int_eq (errno, 77);
  ck_assert_int_ne (moved, SY_MOVE_LOST);
  for (size_t at = 0; at < 3 * page; at++)
    {
      test_must (start[at] == (moved == SY_MOVED ? 0 : 0x5a), "byte %zu of the old pages", at);
      test_must (start[4 * page + at] == (moved == SY_MOVED ? 0x5a : 0),
                 "byte %zu of the new pages", at);
    }
  sy_os_unmap (start, 8 * page);

  start = sy_os_map (8 * page);
  ck_assert_ptr_nonnull (start);
  memset (start, 0x5a, page);
  /* A sanitizer's own mlock does nothing. */
  if (TEST_SANITIZED || mlock (start, 4 * page) != 0)
    printf ("# not tried: no page can be locked\n");
  else
    ck_assert_int_eq (sy_os_move (start, start + 4 * page, page), SY_MOVE_REFUSED);
  ck_assert_int_eq (start[0], 0x5a);
  sy_os_unmap (start, 8 * page);
}
END_TEST

START_TEST (the_clock_does_not_go_back)
{
  uint64_t before_ns = sy_os_now_ns (), after_ns;

  for (unsigned at = 0; at < 100000; at++, before_ns = after_ns)
    test_must ((after_ns = sy_os_now_ns ()) >= before_ns, "back by %" PRIu64, before_ns - after_ns);
  usleep (2000);
  ck_assert_uint_ge (sy_os_now_ns () - before_ns, 2000000);
}
END_TEST

START_TEST (pages_and_processors_are_what_the_system_says)
{
  ck_assert_uint_ge (sy_os_page_bytes (), 4096);
  ck_assert_uint_eq (sy_os_page_bytes () & (sy_os_page_bytes () - 1), 0);
  ck_assert_uint_ge (sy_os_processors (), 1);
  ck_assert_uint_eq (sy_os_processors (), (unsigned) sysconf (_SC_NPROCESSORS_ONLN));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("os");
  TCase *tests = test_case (suite, "os", 20);

  tcase_add_test (tests, reserved_pages_are_nobodys_until_committed);
  tcase_add_test (tests, discarded_pages_read_as_zero_and_stay_writable);
  if (!SY_ADDRESS_SANITIZER)
    {
      tcase_add_test (tests, refusals_are_said_and_keep_errno);
      tcase_add_test (tests, pages_are_in_memory_once_written_and_until_discarded);
      tcase_add_test (tests, pages_are_populated_together_or_stay_as_they_are);
      tcase_add_test (tests, moved_pages_are_where_they_were_moved_to_and_locked_ones_stay);
    }
  tcase_add_test (tests, the_clock_does_not_go_back);
  tcase_add_test (tests, pages_and_processors_are_what_the_system_says);
  return test_run (suite);
}
