/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "child.h"
#include "places.h"

#define MIB ((size_t) 1 << 20)

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

START_TEST (moved_pages_are_where_they_were_moved_to_and_nothing_is_where_they_were)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (16 * page), *to = start + 8 * page;
  bool taken;

  ck_assert_ptr_nonnull (start);
  memset (start, 0x5a, 3 * page);
  memset (to, 0x5b, 8 * page);
  errno = 77;
  ck_assert (sy_os_move (start, 3 * page, to, 6 * page));
  for (size_t at = 0; at < 8 * page; at++)
    test_must (to[at] == (at < 3 * page ? 0x5a : at < 6 * page ? 0 : 0x5b), "byte %zu", at);
  /* At the old place there is room for whoever asks for it. */
  ck_assert (sy_os_map_at (start, 3 * page, &taken));
  ck_assert (!taken);
  for (size_t at = 0; at < 3 * page; at++)
    test_must (start[at] == 0, "byte %zu of the old place", at);
  ck_assert_int_eq (errno, 77);
  sy_os_unmap (start, 16 * page);
}
END_TEST

START_TEST (a_move_that_the_system_refuses_leaves_the_pages_as_they_were)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (8 * page);
  bool taken;

  memset (start, 0x5a, 2 * page);
  errno = 77;
  ck_assert (!sy_os_move (start, 2 * page, start + 4 * page + 1, 3 * page)); /* no page's start */
  ck_assert (!sy_os_move (start, 2 * page, start + page, 3 * page));         /* they overlap */
  ck_assert_int_eq (errno, 77);
  for (size_t at = 0; at < 2 * page; at++)
    test_must (start[at] == 0x5a, "byte %zu", at);
  ck_assert (!sy_os_map_at (start, page, &taken));
  ck_assert (taken);
  sy_os_unmap (start, 8 * page);
}
END_TEST

START_TEST (pages_are_mapped_at_a_place_only_if_nothing_is_there)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (8 * page);
  bool taken = false;

  memset (start, 0x5a, 8 * page);
  sy_os_unmap (start + 2 * page, 4 * page);
  errno = 77;
  ck_assert (!sy_os_map_at (start + page, 2 * page, &taken)); /* its first page */
  ck_assert (taken);
  taken = false;
  ck_assert (!sy_os_map_at (start + 5 * page, 2 * page, &taken)); /* its last page */
  ck_assert (taken);
  ck_assert (sy_os_map_at (start + 3 * page, 2 * page, &taken));
  ck_assert (!taken);
  taken = true;
  ck_assert (!sy_os_map_at (start + 2 * page + 1, page, &taken)); /* no page's start: refused */
  ck_assert (!taken);
  ck_assert (sy_os_map_at (start + 2 * page, page, &taken));
  ck_assert (sy_os_map_at (start + 5 * page, page, &taken));
  ck_assert_int_eq (errno, 77);
  for (size_t at = 0; at < 8 * page; at++)
    test_must (start[at] == (at < 2 * page || at >= 6 * page ? 0x5a : 0), "byte %zu", at);
  memset (start, 1, 8 * page);
  sy_os_unmap (start, 8 * page);
}
END_TEST

START_TEST (pages_that_are_mapped_over_others_are_zero)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_map (4 * page);

  memset (start, 0x5a, 4 * page);
  errno = 77;
  ck_assert (sy_os_map_over (start + page, 2 * page));
  for (size_t at = 0; at < 4 * page; at++)
    test_must (start[at] == (at < page || at >= 3 * page ? 0x5a : 0), "byte %zu", at);
  ck_assert (!sy_os_map_over (start + 1, page)); /* no page's start: refused */
  ck_assert_int_eq (errno, 77);
  memset (start, 1, 4 * page);
  sy_os_unmap (start, 4 * page);
}
END_TEST

/* Pages right behind others become one mapping with them, and fill a hole without a seam. */
START_TEST (pages_at_a_place_become_one_mapping_with_their_neighbours)
{
  size_t page = sy_os_page_bytes ();
  char *start = sy_os_reserve (64 * page);
  const char *first = NULL, *last = NULL;
  bool taken;

  sy_os_unmap (start, 64 * page);
  for (unsigned at = 16; at < 32; at++)
    {
      ck_assert (sy_os_map_at (start + at * page, page, &taken));
      start[at * page] = 1;
    }
  ck_assert_uint_eq (lines_in (start + 16 * page, 16 * page, &first, &last), 1);
  ck_assert_ptr_eq (last, start + 32 * page);
  sy_os_unmap (start + 20 * page, 4 * page);
  ck_assert_uint_eq (lines_in (start + 16 * page, 16 * page, &first, &last), 2);
  ck_assert (sy_os_map_at (start + 20 * page, 4 * page, &taken));
  ck_assert_uint_eq (lines_in (start + 16 * page, 16 * page, &first, &last), 1);
  ck_assert (sy_os_move (start + 24 * page, page, start + 28 * page, 2 * page));
  ck_assert_uint_gt (lines_in (start + 16 * page, 16 * page, &first, &last), 1);
  ck_assert (sy_os_map_over (start + 28 * page, 2 * page));
  ck_assert (sy_os_map_at (start + 24 * page, page, &taken));
  ck_assert_uint_eq (lines_in (start + 16 * page, 16 * page, &first, &last), 1);
  sy_os_unmap (start + 16 * page, 16 * page);
}
END_TEST

/* ---- What the system says ---- */

/* Where systems put a program's heap and stack, and whether the gap is between them, below both, or
   nowhere. */
struct layout
{
  uint64_t heap, stack, addresses;
  enum { BETWEEN, BELOW, NOWHERE } gap;
};

#define GIB ((uint64_t) 1 << 30)

static const struct layout layouts[] = {
  { 0x55c2db176000, 0x7ffd331fb08f, 1 << 17, BETWEEN }, /* x86-64 */
  { 0x01fa63000, 0x7fffd405357f, 1 << 17, BETWEEN },    /* the same, not PIE */
  { 0xaaaaf0b21000, 0xffffe3b0058f, 1 << 18, BETWEEN }, /* arm64, 48 bits */
  { 0x5588021000, 0x7fe2a21540, 512, BETWEEN },         /* arm64, 39 bits */
  { 0x55d5021000, 0x7fc0021540, 512, BETWEEN },         /* the same, as near as it can be */
  { 0x0000421000, 0x7fe2a21540, 512, BETWEEN },         /* the same, not PIE */
  { 0x2ad5021000, 0x3fe2a21540, 256, BELOW },           /* RISC-V, 39 bits: 38 for programs */
  { 0x0000421000, 0x3fe2a21540, 256, BETWEEN },         /* the same, not PIE */
  { 0x55000ca000, 0x55028a854f, 512, BELOW },           /* arm64 in qemu-user */
  { 0x5502a00000, 0x550280054f, 512, BELOW },           /* the same, the stack first */
  { 0x00004ba000, 0x550080054f, 512, BETWEEN },         /* the same, not PIE */
  { 0x4000006000, 0x40028065ef, 512, BELOW },           /* x86-64 in qemu-user */
  { 0x0aaad21000, 0x0fff921540, 64, NOWHERE },          /* arm64, 36 bits */
  { 0x0000421000, 0x1ffeffef8f, 128, NOWHERE },         /* valgrind */
  { 0, 0x7ffd331fb08f, 1 << 17, BETWEEN },              /* no heap */
};

START_TEST (a_gap_lies_in_the_address_space_and_has_room_for_all_arenas)
{
  const struct layout *layout = &layouts[_i];
  uintptr_t low = 1, high = 0;
  bool heap_first = layout->heap < layout->stack;
  uint64_t lower = heap_first ? layout->heap : layout->stack,
           upper = heap_first ? layout->stack : layout->heap;
  bool found = sy_os_gap_of (layout->heap, layout->stack, &low, &high);

  ck_assert_int_eq (found, layout->gap != NOWHERE);
  if (!found)
    return;
  ck_assert_uint_eq (low, layout->gap == BELOW ? 0 : lower);
  ck_assert_uint_eq (high, layout->gap == BELOW ? lower : upper);
  ck_assert_uint_lt (high, layout->addresses * GIB);
  /* The first place is at most in the middle. */
  ck_assert_uint_ge (high - low, 2 * (SY_METADATA_BYTES + SY_RANGE_LEAST));
}
END_TEST

START_TEST (a_gap_is_beside_the_heap_and_the_stack)
{
  uintptr_t low = 1, high = 0, heap = (uintptr_t) sbrk (0);
  char here;

  ck_assert_int_eq (sy_os_gap (&low, &high), SY_WORD_BITS == 64 && !SY_THREAD_SANITIZER);
  if (SY_WORD_BITS == 64 && !SY_THREAD_SANITIZER)
    {
      ck_assert_uint_ge (high - low, SY_GAP_MIN);
      ck_assert (low >= heap || high <= heap);
      ck_assert (high <= (uintptr_t) &here + MIB || low > (uintptr_t) &here);
    }
}
END_TEST

/* The secret of another run of this program. */
static uint64_t
secret_of_a_run (void)
{
  char path[4096], command[4200];
  ssize_t length = readlink ("/proc/self/exe", path, sizeof path - 1);
  uint64_t secret = 0;
  FILE *run;

  ck_assert_int_gt (length, 0);
  path[length] = '\0';
  snprintf (command, sizeof command, "'%s' --secret", path);
  run = popen (command, "r");
  ck_assert_ptr_nonnull (run);
  ck_assert_int_eq (fscanf (run, "%" SCNu64, &secret), 1);
  ck_assert_int_eq (pclose (run), 0);
  return secret;
}

START_TEST (each_run_of_a_program_has_a_secret_of_its_own)
{
  uint64_t one = secret_of_a_run (), other = secret_of_a_run ();

  ck_assert_uint_eq (sy_os_secret (), sy_os_secret ());
  ck_assert_uint_ne (one, other);
  ck_assert_uint_ne (one, sy_os_secret ());
  /* Which place it makes is open in each half of its bits. */
  ck_assert_uint_ne (one >> 32, other >> 32);
  ck_assert_uint_ne (one & UINT32_MAX, other & UINT32_MAX);
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

/* In a child, as the set is the process's from then on. */
static int
take_one_processor (void *unused)
{
  cpu_set_t allowed, one;

  (void) unused;
  if (sched_getaffinity (0, sizeof allowed, &allowed) != 0
      || sy_os_processors () != (unsigned) CPU_COUNT (&allowed))
    return 1;
  CPU_ZERO (&one);
  for (int at = 0; at < CPU_SETSIZE && CPU_COUNT (&one) == 0; at++)
    if (CPU_ISSET (at, &allowed))
      CPU_SET (at, &one);
  return sched_setaffinity (0, sizeof one, &one) != 0 || sy_os_processors () != 1 ? 2 : 0;
}

START_TEST (processors_are_those_that_the_thread_may_run_on)
{
  struct child child = child_run (take_one_processor, NULL);

  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "status %x: %s",
                 (unsigned) child.status, child.text);
}
END_TEST

START_TEST (pages_and_processors_are_what_the_system_says)
{
  ck_assert_uint_ge (sy_os_page_bytes (), 4096);
  ck_assert_uint_eq (sy_os_page_bytes () & (sy_os_page_bytes () - 1), 0);
  ck_assert_uint_ge (sy_os_processors (), 1);
  ck_assert_uint_le (sy_os_processors (), (unsigned) sysconf (_SC_NPROCESSORS_CONF));
  ck_assert_uint_ge (sy_os_memory_bytes (), 16 * MIB);
  ck_assert_uint_eq (sy_os_memory_bytes () % sy_os_page_bytes (), 0);
}
END_TEST

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--secret") == 0)
    return printf ("%" PRIu64 "\n", sy_os_secret ()) < 0;

  Suite *suite = suite_create ("os");
  TCase *tests = test_case (suite, "os", 20);

  tcase_add_test (tests, reserved_pages_are_nobodys_until_committed);
  tcase_add_test (tests, discarded_pages_read_as_zero_and_stay_writable);
  if (!SY_ADDRESS_SANITIZER)
    {
      tcase_add_test (tests, refusals_are_said_and_keep_errno);
      tcase_add_test (tests, pages_are_in_memory_once_written_and_until_discarded);
      tcase_add_test (tests, pages_are_populated_together_or_stay_as_they_are);
      tcase_add_test (tests, a_move_that_the_system_refuses_leaves_the_pages_as_they_were);
      tcase_add_test (tests, pages_are_mapped_at_a_place_only_if_nothing_is_there);
    }
  if (!TEST_SANITIZED)
    tcase_add_test (tests, pages_at_a_place_become_one_mapping_with_their_neighbours);
  tcase_add_test (tests,
                  moved_pages_are_where_they_were_moved_to_and_nothing_is_where_they_were);
  tcase_add_test (tests, pages_that_are_mapped_over_others_are_zero);
  if (SY_WORD_BITS == 64)
    tcase_add_loop_test (tests, a_gap_lies_in_the_address_space_and_has_room_for_all_arenas, 0,
                         sizeof layouts / sizeof *layouts);
  tcase_add_test (tests, a_gap_is_beside_the_heap_and_the_stack);
  tcase_add_test (tests, each_run_of_a_program_has_a_secret_of_its_own);
  tcase_add_test (tests, the_clock_does_not_go_back);
  tcase_add_test (tests, processors_are_those_that_the_thread_may_run_on);
  tcase_add_test (tests, pages_and_processors_are_what_the_system_says);
  return test_run (suite);
}
