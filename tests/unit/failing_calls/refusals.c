/* SPDX-License-Identifier: MIT */
/* refusals.c: what single calls do where the system refuses them. */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "failing_calls.h"
#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"
#include "pages/dirty.h"
#include "pool/size_class.h"
#include "thread/registry.h"
#include "unit/child.h"

static int
ask_for_the_default (void *nothing)
{
  (void) nothing;
  fault_choose (ALL, 1, true);
  fault_begin ();
  return sydra_alloc_default () != NULL;
}

START_TEST (only_the_process_s_own_handle_ends_the_process)
{
  child_must_abort (ask_for_the_default, NULL,
                    "sydra-alloc: sydra_alloc_default: 0x0: "
                    "no memory for the process's own handle\n");
}
END_TEST

#define SIZE (SY_SMALL_MAX + 1000)

/* Takes so many blocks while every mmap of at least so many bytes fails. */
static void
take_refused (struct sydra_alloc *a, unsigned count, size_t least)
{
  /* The range grows by mmap, or by mprotect if it is a reservation. */
  fault.least = least;
  fault_choose (MMAP | MPROTECT, 1, true);
  fault_begin ();
  for (unsigned at = 0; at < count; at++)
    {
      void *block = sydra_malloc (a, SIZE);

      require (admit (&live, block, SIZE), "the C library has memory");
      require (sydra_usable_size (a, block) >= SIZE && sydra_resize (a, block, SIZE - 100),
               "a block is not known");
    }
  require (AO_load (&fault.hits) != 0, "no call failed");
  fault_lift ();
}

static size_t
untracked (const struct sydra_alloc *a)
{
  size_t count = 0;

  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    count += a->fallback.stripe[at].untracked;
  return count;
}

/* Any address of a stripe with such a block may be one, and none of them is one for certain. */
static bool
nothing_is_certain (struct sydra_alloc *a)
{
  uintptr_t possible = 0;

  for (uintptr_t at = 1; at <= 4096; at++)
    {
      const void *block = (const void *) (at * SY_GRANULE);

      require (!sy_fallback_has (&a->fallback, block), "%p has an entry", block);
      possible += sy_fallback_may_have (&a->fallback, block);
    }
  return possible != 0;
}

static size_t
heap_allocs (struct sydra_alloc *a)
{
  struct sydra_stats stats = { .size = sizeof stats };

  require (sydra_stats_get (a, &stats) == 0 && stats.fallback_allocs == live.count,
           "%zu counted of %u", (size_t) stats.fallback_allocs, live.count);
  return (size_t) stats.fallback_heap_allocs;
}

/* The tables of the set fail to begin, or, if `first` is NULL, to grow. */
static int
serve_untracked (void *first)
{
  struct sydra_alloc *a = create ();
  size_t heaps;
  int local;

  require (admit (&live, sydra_malloc (a, SIZE), SIZE), "no block");
  if (first == NULL)
    {
      /* The range cannot grow, and the tables can. */
      take_refused (a, 3000, SY_UNIT_BYTES);
      require (untracked (a) == 0, "%zu blocks without an entry", untracked (a));
    }
  take_refused (a, first != NULL ? 500 : 7000, 0);
  require (untracked (a) != 0 && nothing_is_certain (a), "all blocks have an entry");
  heaps = heap_allocs (a);
  require (heaps <= live.count && heaps + 100 > live.count, "%zu of %u are the C library's", heaps,
           live.count);
  for (unsigned at = 0; at < 2000; at++)
    require (admit (&live, sydra_malloc (a, SIZE), SIZE), "no block");
  require (heap_allocs (a) == heaps, "the C library serves where the range has room");
  while (live.count != 0)
    let_go (a, &live, live.count / 3);
  require (!sydra_owns (a, &local), "owns");
  require (untracked (a) == 0, "%zu blocks without an entry", untracked (a));
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    require (a->fallback.stripe[at].used == 0, "stripe %u is not empty", at);
  return sydra_alloc_destroy (a) != 0;
}

START_TEST (blocks_that_cannot_be_tracked_are_served_and_freed_all_the_same)
{
  child_must_pass (serve_untracked, &fault);
  child_must_pass (serve_untracked, NULL);
}
END_TEST

/* How often the system was asked for pages ahead; in the least significant bits of an exit
   status. */
static int
grow_on_a_system (void *is_old)
{
  struct sydra_alloc *a = create ();

  fault.old = is_old != NULL;
  for (unsigned at = 0; at < 10000; at++)
    require (sydra_malloc (a, 64) != NULL, "no block");
  return (int) AO_load (&fault.ahead);
}

START_TEST (a_system_that_cannot_get_pages_ahead_is_asked_once)
{
  struct child young = child_run (grow_on_a_system, NULL);
  struct child old = child_run (grow_on_a_system, &fault);
  bool knows = sy_os_populate (NULL, 0);

  ck_assert (WIFEXITED (young.status) && WIFEXITED (old.status));
  ck_assert_int_eq (WEXITSTATUS (old.status), WEXITSTATUS (young.status) != 0);
  ck_assert (!knows || WEXITSTATUS (young.status) > 20);
}
END_TEST

/* Of ten runs, none beside another, the system takes three back. */
static void
refuse_pages_of (uint32_t units)
{
  size_t bytes = (size_t) units << SY_UNIT_SHIFT;
  uint32_t run[20];
  bool zero;

  for (unsigned at = 0; at < 20; at++)
    require ((run[at] = sy_units_take (units, SY_MEMORY_NONE, &zero)) != SY_UNIT_NONE, "no run");
  for (unsigned at = 0; at < 20; at += 2)
    sy_units_give (run[at], 1);
  /* What is refused is mapped anew, if the system grants that. */
  fault_choose (MADVISE | MMAP, 4, true);
  fault_begin ();
  require (sy_dirty_purge () == 3 * bytes, "three went back");
  require (sy_dirty_bytes () == 7 * bytes, "%zu bytes wait", sy_dirty_bytes ());
  require (sy_units_are_valid (), "the book is not valid");
  for (unsigned at = 0; at < 7; at++)
    require (sy_units_take (units, SY_MEMORY_ANY, &zero) != SY_UNIT_NONE && !zero,
             "run %u is taken for zero", at);
  require (sy_dirty_purge () == 0, "none goes back");
  fault_lift ();
}

static int
refuse_pages (void *units)
{
  bool zero;

  require (sy_range_open (), "no range");
  /* So much is in use that all of the runs may wait. */
  require (sy_units_take (1000, SY_MEMORY_NONE, &zero) != SY_UNIT_NONE && zero, "no run");
  refuse_pages_of ((uint32_t) (uintptr_t) units);
  return 0;
}

START_TEST (pages_that_the_system_does_not_take_back_stay_dirty)
{
  child_must_pass (refuse_pages, (void *) 1);
  child_must_pass (refuse_pages, (void *) (uintptr_t) SY_SLAB_UNITS_MAX);
}
END_TEST

/* A run that was moved stays a mapping of its own if no new one is granted.  Its memory goes. */
static int
refuse_to_map_anew (void *nothing)
{
  uint32_t from, to;
  size_t bytes = 4 * SY_UNIT_BYTES;
  bool zero;

  (void) nothing;
  require (sy_range_open (), "no range");
  require (sy_units_take (1000, SY_MEMORY_NONE, &zero) != SY_UNIT_NONE, "no run");
  from = sy_units_take (4, SY_MEMORY_NONE, &zero);
  memset (sy_range_address (from), 1, bytes);
  to = sy_units_take (16, SY_MEMORY_NONE, &zero);
  require (sy_apart_move (from, to), "it does not move");
  require (sy_os_resident_bytes (sy_range_address (to), bytes) == bytes, "it has no memory");
  sy_units_give (to, 1);
  fault_choose (MMAP, 1, true);
  fault_begin ();
  require (sy_dirty_purge () == 0, "it went back");
  fault_lift ();
  require (sy_os_resident_bytes (sy_range_address (to), bytes) == 0, "its memory stays");
  require (sy_dirty_bytes () == 4 * bytes, "%zu bytes wait", sy_dirty_bytes ());
  require (sy_units_are_valid (), "the book is not valid");
  require (sy_dirty_purge () == 4 * bytes, "it does not go back");
  return 0;
}

START_TEST (memory_goes_back_where_no_mapping_is_granted)
{
  child_must_pass (refuse_to_map_anew, NULL);
}
END_TEST

/* Does what is due in a purge.  Returns how many calls were refused. */
static size_t
purge (uint64_t *now_ns)
{
  uint32_t tick = sy_range_runs.tick;
  AO_t before = AO_load (&fault.hits);

  for (unsigned at = 0; sy_range_runs.tick == tick; at++)
    {
      require (at < 1000, "the purge does not end: %zu calls were refused",
               (size_t) (AO_load (&fault.hits) - before));
      sy_dirty_purge_step (*now_ns += (uint64_t) 1 << 20);
    }
  *now_ns += SY_REAP_NS;
  return AO_load (&fault.hits) - before;
}

/* A long run waits, and the system takes no part of it back. */
static int
refuse_a_long_run (void *nothing)
{
  const uint32_t length = 8 * SY_PURGE_UNITS;
  uint64_t now_ns = sy_os_now_ns () + 10 * SY_REAP_NS;
  uint32_t run;
  bool zero;

  (void) nothing;
  require (sy_range_open (), "no range");
  run = sy_units_take (length, SY_MEMORY_NONE, &zero);
  require (sy_units_take (4 * length, SY_MEMORY_NONE, &zero) != SY_UNIT_NONE, "no ballast");
  memset (sy_range_address (run), 1, length * SY_UNIT_BYTES);
  sy_units_give (run, 1);
  fault_choose (MADVISE | MMAP, 1, true);
  fault_begin ();
  for (unsigned round = 0; round < 10; round++)
    {
      size_t refused = purge (&now_ns);

      require (refused <= 3, "%zu calls were refused", refused);
      require (sy_dirty_bytes () == length * SY_UNIT_BYTES, "a part is lost");
      require (sy_units_are_valid (), "the book is not valid");
    }
  fault_lift ();
  (void) purge (&now_ns);
  (void) purge (&now_ns);
  require (sy_dirty_bytes () == 0, "%zu bytes stay", sy_dirty_bytes ());
  return 0;
}

START_TEST (a_purge_asks_once_for_what_the_system_refuses)
{
  child_must_pass (refuse_a_long_run, NULL);
}
END_TEST

static void *
give_slowly (void *first)
{
  sy_units_give ((uint32_t) (uintptr_t) first, 1);
  return NULL;
}

/* All units but one long run's are used, and the range cannot grow. */
static int
take_what_another_gives_back (void *nothing)
{
  const uint32_t length = 8 * SY_PURGE_UNITS;
  uint32_t run;
  pthread_t thread;
  bool zero;

  (void) nothing;
  require (sy_range_open (), "no range");
  run = sy_units_take (length, SY_MEMORY_NONE, &zero);
  fault_choose (MMAP | MPROTECT, 1, true);
  fault_begin ();
  while (sy_units_take (1, SY_MEMORY_NONE, &zero) != SY_UNIT_NONE)
    ;
  fault.slow = true;
  require (pthread_create (&thread, NULL, give_slowly, (void *) (uintptr_t) run) == 0, "no thread");
  while (AO_load (&fault.asleep) == 0)
    sy_os_pause (0);
  require (sy_units_take (length, SY_MEMORY_ANY, &zero) == run && zero, "the run is not found");
  require (sy_units_take (1, SY_MEMORY_ANY, &zero) == SY_UNIT_NONE, "there is more");
  return pthread_join (thread, NULL);
}

/* Of a fork's child, too, where that thread is not; but once only. */
static int
take_what_nobody_gives_back (void *nothing)
{
  pid_t child;
  pthread_t thread;
  uint64_t begin_ns;
  uint32_t run;
  int status;
  bool zero;

  (void) nothing;
  require (sy_range_open (), "no range");
  fault.slow = true;
  run = sy_units_take (8 * SY_PURGE_UNITS, SY_MEMORY_NONE, &zero);
  require (pthread_create (&thread, NULL, give_slowly, (void *) (uintptr_t) run) == 0,
           "no thread");
  while (AO_load (&fault.asleep) == 0)
    sy_os_pause (0);
  child = fork ();
  if (child == 0)
    {
      (void) sy_units_take (1u << 28, SY_MEMORY_ANY, &zero);
      begin_ns = sy_os_now_ns ();
      (void) sy_units_take (1u << 28, SY_MEMORY_ANY, &zero);
      _exit (sy_os_now_ns () - begin_ns > UINT64_C (500000000));
    }
  require (waitpid (child, &status, 0) == child && status == 0, "the child waits and waits");
  return pthread_join (thread, NULL);
}

START_TEST (memory_that_another_thread_gives_back_is_waited_for)
{
  child_must_pass (take_what_another_gives_back, NULL);
  child_must_pass (take_what_nobody_gives_back, NULL);
}
END_TEST

void
failing_calls_add_refusals (Suite *suite)
{
  TCase *tests = test_case (suite, "refusals", 60);

  tcase_add_test (tests, only_the_process_s_own_handle_ends_the_process);
  tcase_add_test (tests, blocks_that_cannot_be_tracked_are_served_and_freed_all_the_same);
  tcase_add_test (tests, a_system_that_cannot_get_pages_ahead_is_asked_once);
  tcase_add_test (tests, pages_that_the_system_does_not_take_back_stay_dirty);
  tcase_add_test (tests, memory_goes_back_where_no_mapping_is_granted);
  tcase_add_test (tests, a_purge_asks_once_for_what_the_system_refuses);
  tcase_add_test (tests, memory_that_another_thread_gives_back_is_waited_for);
}
