/* SPDX-License-Identifier: MIT */
/* refusals.c: what single calls do where the system refuses them. */
#include <config.h>

#include "failing_calls.h"
#include "pool/reap.h"
#include "thread/registry.h"
#include "unit/child.h"
#include "unit/classes.h"

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

static int
serve_untracked (void *nothing)
{
  struct sydra_alloc *a = create ();
  size_t size = SY_SMALL_MAX + 1000;
  int local;

  (void) nothing;
  fault_choose (MMAP, 1, true);
  fault_begin ();
  for (unsigned at = 0; at < 500; at++)
    {
      require (admit (&live, sydra_malloc (a, size), size), "the C library has memory");
      require (sydra_usable_size (a, live.block[at]) >= size
               && sydra_resize (a, live.block[at], size - 100),
               "a block without an entry is refused");
    }
  require (AO_load (&fault.hits) != 0, "no table was asked for");
  fault_lift ();
  for (unsigned at = 0; at < 5000; at++)
    require (admit (&live, sydra_malloc (a, size), size), "no block");
  while (live.count != 0)
    let_go (a, &live, live.count / 3);
  require (!sydra_owns (a, &local), "owns");
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    require (a->fallback.stripe[at].untracked == 0 && a->fallback.stripe[at].used == 0,
             "stripe %u is not empty", at);
  return sydra_alloc_destroy (a) != 0;
}

START_TEST (blocks_that_cannot_be_tracked_are_served_and_freed_all_the_same)
{
  struct child child = child_run (serve_untracked, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
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

/* Of ten slabs the system takes three back. */
static void
refuse_pages_of (unsigned class)
{
  uint32_t chain = SY_SLAB_NONE, first = SY_SLAB_NONE;
  size_t bytes = sy_class_slab_bytes (class);
  unsigned kept = 0;

  for (unsigned at = 0; at < 10; at++)
    {
      uint32_t slab = sy_region_take (class);

      require (slab != SY_SLAB_NONE, "no slab");
      sy_slab_at (slab)->touched = 7;
      sy_slab_at (slab)->next = chain;
      chain = slab;
      first = at == 0 ? slab : first;
    }
  sy_region_give (chain, 10);
  fault_choose (MADVISE, 4, true);
  fault_begin ();
  require (sy_region_purge () == 3 * bytes, "three went back");
  require (sy_region_dirty_bytes () == 7 * bytes, "%zu bytes dirty", sy_region_dirty_bytes ());
  for (unsigned at = 0; at < 10; at++)
    kept += sy_slab_at (first + at * sy_size_classes[class].units)->touched != 0;
  require (kept == 7, "%u of ten slabs are not known to be zero", kept);
  require (sy_region_purge () == 0, "none goes back");
  fault_lift ();
  require (sy_region_purge () == 7 * bytes, "the rest goes back");
  require (sy_region_dirty_bytes () == 0, "%zu bytes dirty", sy_region_dirty_bytes ());
}

static int
refuse_pages (void *nothing)
{
  (void) nothing;
  require (sy_region_open (), "no range");
  refuse_pages_of (class_of_units (1));
  refuse_pages_of (class_of_units (SY_SLAB_UNITS_MAX));
  return 0;
}

START_TEST (pages_that_the_system_does_not_take_back_stay_dirty)
{
  struct child child = child_run (refuse_pages, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
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
}
