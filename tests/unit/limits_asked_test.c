/* SPDX-License-Identifier: MIT */
/* limits_asked_test.c: what can be had under limits on data and on addresses, and that the limits
   are not asked for. */
#include <config.h>

#include <string.h>
#include <sys/resource.h>

#include "child.h"
#include "places.h"
#include "sydra/alloc.h"

#define MIB ((size_t) 1 << 20)
#define LARGE (200 * (size_t) 1024)
enum { BLOCKS = 1000 };

static unsigned asked;

int __real_getrlimit (int resource, struct rlimit *limit);
int __wrap_getrlimit (int resource, struct rlimit *limit);

int
__wrap_getrlimit (int resource, struct rlimit *limit)
{
  asked++;
  return __real_getrlimit (resource, limit);
}

static void
set_limit (int resource, size_t bytes)
{
  struct rlimit limit = { bytes, RLIM_INFINITY };

  if (bytes != 0 && setrlimit (resource, &limit) != 0)
    _exit (10);
}

/* How many bytes of blocks that are written can be had under that limit on data: of one size, or
   of many where it is 0. */
struct want {
  size_t limit, size, least;
};

static int
have_what_is_allowed (void *argument)
{
  const struct want *want = argument;
  size_t got = 0, size = want->size == 0 ? 16 : want->size;
  struct sydra_alloc *a;
  void *block;

  set_limit (RLIMIT_DATA, want->limit);
  a = sydra_alloc_create (NULL);
  for (; a != NULL && got < want->limit && (block = sydra_malloc (a, size)) != NULL; got += size)
    {
      memset (block, 1, size);
      size = want->size == 0 ? size % 20000 + 100 : size;
    }
  fprintf (stderr, "%zu KiB of blocks", got >> 10);
  return got >= want->least ? 0 : 12;
}

/* What is mapped follows what is used. */
START_TEST (what_a_limit_on_data_allows_can_be_had)
{
  static const struct want wants[] = { { 64 * MIB, 64, 54 * MIB },  { 64 * MIB, 1000, 54 * MIB },
                                       { 64 * MIB, 0, 50 * MIB },   { 256 * MIB, 64, 220 * MIB },
                                       { 256 * MIB, 0, 215 * MIB }, { 16 * MIB, 64, 10 * MIB } };

  for (unsigned at = 0; at < sizeof wants / sizeof *wants; at++)
    {
      struct child child = child_run (have_what_is_allowed, (void *) (uintptr_t) &wants[at]);

      ck_assert_msg (child.status == 0,
                     "blocks of %zu bytes (0: all sizes), %zu MiB: status %x: %s", wants[at].size,
                     wants[at].limit / MIB, (unsigned) child.status, child.text);
    }
}
END_TEST

/* Each handle with a block. */
static int
make_handles (void *argument)
{
  const struct want *want = argument;
  size_t count = 0;

  set_limit (RLIMIT_DATA, want->limit);
  while (count < want->least)
    {
      struct sydra_alloc *a = sydra_alloc_create (NULL);

      if (a == NULL || sydra_malloc (a, want->size) == NULL)
        break;
      count++;
    }
  fprintf (stderr, "%zu handles", count);
  return count == want->least ? 0 : 13;
}

START_TEST (many_handles_fit_into_a_limit_on_data)
{
  static const struct want wants[] = { { 64 * MIB, 100, 120 }, { 256 * MIB, 100, 300 } };

  for (unsigned at = 0; at < sizeof wants / sizeof *wants; at++)
    {
      struct child child = child_run (make_handles, (void *) (uintptr_t) &wants[at]);

      ck_assert_msg (child.status == 0, "%zu MiB: status %x: %s", wants[at].limit / MIB,
                     (unsigned) child.status, child.text);
    }
}
END_TEST

/* Blocks of a size, taken and freed, and others that stay, under that limit on addresses. */
static int
allocate (void *argument)
{
  const struct want *want = argument;
  size_t got = 0;
  struct sydra_alloc *a;

  set_limit (RLIMIT_AS, want->limit);
  a = sydra_alloc_create (NULL);
  if (a == NULL)
    return 14;
  for (unsigned at = 0; at < BLOCKS; at++)
    {
      void *block = sydra_malloc (a, want->size);

      if (block == NULL)
        return 15;
      sydra_free (a, block);
    }
  for (; got < want->least && sydra_malloc (a, want->size) != NULL; got += want->size)
    ;
  fprintf (stderr, "asked %u times, %zu KiB", asked, got >> 10);
  return asked != 0 ? 16 : got < want->least ? 17 : 0;
}

START_TEST (a_limit_on_addresses_is_not_asked_for)
{
  static const struct want wants[] = { { 1024 * MIB, LARGE, 700 * MIB },
                                       { 1024 * MIB, 100, 700 * MIB },
                                       { 64 * MIB, LARGE, 30 * MIB },
                                       { 0, LARGE, 100 * MIB } };

  for (unsigned at = 0; at < sizeof wants / sizeof *wants; at++)
    {
      struct child child = child_run (allocate, (void *) (uintptr_t) &wants[at]);

      ck_assert_msg (child.status == 0, "%zu MiB, %zu bytes: status %x: %s", wants[at].limit / MIB,
                     wants[at].size, (unsigned) child.status, child.text);
    }
}
END_TEST

static int
ask_for_a_reservation (void *argument)
{
  struct sy_arena arena = { .origin = NULL };

  (void) argument;
  places_use_up ();
  asked = 0;
  require (sy_arena_open (&arena, MIB, MIB, 1) && arena.is_reserved, "no reservation");
  require (asked == 1, "asked %u times", asked);
  return 0;
}

/* So the test above counts what there is to count. */
START_TEST (the_limit_is_asked_for_a_reservation)
{
  struct child child = child_run (ask_for_a_reservation, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

int
main (void)
{
  if (TEST_SANITIZED)
    return test_skip_all ("a sanitizer reserves terabytes itself");

  Suite *suite = suite_create ("limits_asked");
  TCase *tests = test_case (suite, "limits", 30);

  tcase_add_test (tests, what_a_limit_on_data_allows_can_be_had);
  tcase_add_test (tests, many_handles_fit_into_a_limit_on_data);
  /* On 32 bits every arena is a reservation. */
  if (SY_WORD_BITS == 64)
    tcase_add_test (tests, a_limit_on_addresses_is_not_asked_for);
  tcase_add_test (tests, the_limit_is_asked_for_a_reservation);
  return test_run (suite);
}
