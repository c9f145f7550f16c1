/* SPDX-License-Identifier: MIT */
/* limits.c: limits of the process that come while it runs, below what it has, and go again. */
#include <config.h>

#include <errno.h>

#include "failing_calls.h"
#include "pages/large.h"
#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"
#include "pages/dirty.h"
#include "pool/size_class.h"
#include "thread/handle.h"

#define MIB ((size_t) 1 << 20)

static size_t
status_bytes (const char *name)
{
  FILE *file = fopen ("/proc/self/status", "r");
  size_t kib = 0, length = strlen (name);
  char line[256];

  require (file != NULL, "no status");
  while (fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, name, length) == 0)
      kib = strtoull (line + length, NULL, 10);
  fclose (file);
  require (kib != 0, "no line %s", name);
  return kib * 1024;
}

static void
set_limit (int resource, size_t bytes)
{
  struct rlimit limit;

  require (getrlimit (resource, &limit) == 0, "getrlimit");
  limit.rlim_cur = bytes == SIZE_MAX ? limit.rlim_max : bytes;
  require (setrlimit (resource, &limit) == 0, "setrlimit: errno %d", errno);
}

struct kind_of_limit
{
  int resource;
  const char *line;
};

static const struct kind_of_limit kinds[]
  = { { RLIMIT_AS, "VmSize:" }, { RLIMIT_DATA, "VmData:" } };

/* ---- Below what is there ---- */

#define PAIRS 8

static char *pair[PAIRS];
static size_t pair_size[PAIRS];

static void
make_blocks (struct sydra_alloc *a)
{
  for (unsigned at = 0; at < 1000; at++)
    require (admit (&live, sydra_malloc (a, 3 * at), 3 * at), "no block");
  for (unsigned at = 0; at < PAIRS; at++)
    {
      pair[at] = sydra_malloc (a, pair_size[at] = MIB);
      require (pair[at] != NULL, "no block");
      mark (pair[at], MIB, at);
    }
  /* A moved one, and free memory, clean and dirty. */
  pair[0] = sydra_realloc (a, pair[0], pair_size[0] = 2 * MIB);
  require (pair[0] != NULL, "no block");
  check_mark (pair[0], MIB, 0);
  mark (pair[0], 2 * MIB, 0);
  sydra_free (a, sydra_malloc (a, 5 * MIB));
}

/* Under the limit: what is there grows or stays, and blocks come or do not; how many do not. */
static unsigned
ask_for_more (struct sydra_alloc *a)
{
  unsigned refused = 0;

  for (unsigned round = 0; round < 40; round++)
    {
      unsigned at = round % PAIRS;
      size_t wanted = pair_size[at] + (1 + at) * MIB;
      char *moved;

      errno = 0;
      moved = sydra_realloc (a, pair[at], wanted);
      require (moved != NULL || errno == ENOMEM, "realloc: errno %d", errno);
      check_mark (moved == NULL ? pair[at] : moved, pair_size[at], at);
      refused += moved == NULL;
      if (moved != NULL)
        {
          mark (moved, wanted, at);
          pair[at] = moved;
          pair_size[at] = wanted;
        }
      for (size_t size = 10; size < 64 * MIB; size *= 5)
        refused += !admit (&live, sydra_malloc (a, size), size);
    }
  return refused;
}

static int
lower_the_limit (void *argument)
{
  const struct kind_of_limit *kind = argument;
  struct sydra_alloc *a = create ();

  make_blocks (a);
  set_limit (kind->resource, status_bytes (kind->line) / 2);
  require (ask_for_more (a) >= 20, "the limit refused next to nothing");
  require (sy_units_are_valid (), "the book is not valid");
  /* What is freed serves again, limit or not. */
  while (live.count > 500)
    let_go (a, &live, live.count - 1);
  require (admit (&live, sydra_malloc (a, 100), 100), "no block though some are free");
  set_limit (kind->resource, SIZE_MAX);
  require (ask_for_more (a) == 0, "refused though the limit is gone");
  for (unsigned at = 0; at < PAIRS; at++)
    {
      check_mark (pair[at], pair_size[at], at);
      sydra_free (a, pair[at]);
    }
  recover (a, &live);
  return 0;
}

START_TEST (a_limit_below_what_is_there_refuses_and_harms_nothing)
{
  child_must_pass (lower_the_limit, (void *) (uintptr_t) &kinds[_i]);
}
END_TEST

/* ---- A little above what is there ---- */

/* The block has room behind it for what it asks, but not for as much again as it gets elsewhere. */
static int
grow_below_the_limit (void *argument)
{
  const struct kind_of_limit *kind = argument;
  struct sydra_alloc *a = create ();
  char *block = sydra_malloc (a, 64 * MIB);

  require (block != NULL, "no block");
  mark (block, 64 * MIB, 3);
  set_limit (kind->resource, status_bytes (kind->line) + 24 * MIB);
  require (sydra_resize (a, block, 80 * MIB), "no growth by 16 MiB, with 24 MiB to be had");
  require (sydra_realloc (a, block, 84 * MIB) == block, "no growth by 4 MiB, with 8 to be had");
  require (!sydra_resize (a, block, 128 * MIB), "the limit does not limit");
  check_mark (block, 64 * MIB, 3);
  set_limit (kind->resource, SIZE_MAX);
  sydra_free (a, block);
  recover (a, &live);
  return 0;
}

START_TEST (a_block_grows_in_place_up_to_the_limit)
{
  child_must_pass (grow_below_the_limit, (void *) (uintptr_t) &kinds[_i]);
}
END_TEST

/* ---- From the start ---- */

static int
begin_under_a_limit (void *argument)
{
  const struct kind_of_limit *kind = argument;
  struct sydra_alloc *a;
  size_t size = 16 * MIB;
  unsigned large = 0;

  set_limit (kind->resource, 256 * MIB);
  a = create ();
  while (admit (&live, sydra_malloc (a, size), size))
    large += sy_large_is (a->pool.tag, live.block[live.count - 1]);
  require (live.count >= 12 && live.count <= 16, "%u blocks of 16 MiB", live.count);
  require (large >= 12, "only %u of them are of the range", large);
  while (live.count > 4)
    let_go (a, &live, live.count - 1);
  recover (a, &live);
  return 0;
}

START_TEST (under_a_limit_from_the_start_the_range_serves_nearly_all_of_it)
{
  child_must_pass (begin_under_a_limit, (void *) (uintptr_t) &kinds[_i]);
}
END_TEST

void
failing_calls_add_limits (Suite *suite)
{
  TCase *tests = test_case (suite, "limits", 60);

  /* A sanitizer has terabytes of addresses, and a range on 32 bits has half of a limit. */
  if (TEST_SANITIZED)
    return;
  tcase_add_loop_test (tests, a_limit_below_what_is_there_refuses_and_harms_nothing, 0, 2);
  if (SY_WORD_BITS != 64)
    return;
  tcase_add_loop_test (tests, a_block_grows_in_place_up_to_the_limit, 0, 2);
  tcase_add_loop_test (tests, under_a_limit_from_the_start_the_range_serves_nearly_all_of_it, 0, 2);
}
