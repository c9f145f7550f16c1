/* SPDX-License-Identifier: MIT */
/* one_handle.h: for tests of one handle: it, the calling thread's cache of it, and statistics. */
#ifndef SY_TEST_ONE_HANDLE_H
#define SY_TEST_ONE_HANDLE_H

#include "base/atomic.h"
#include "suite.h"
#include "sydra/alloc.h"
#include "thread/magazines.h"
#include "thread/registry.h"

static struct sydra_alloc *a;

static inline void
set_up (void)
{
  a = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (a);
}

/* A test case whose tests begin with set_up and end with tear_down, which may be NULL. */
static inline TCase *
one_handle_case (Suite *suite, const char *name, double seconds, void (*tear_down) (void))
{
  TCase *tests = test_case (suite, name, seconds);

  tcase_add_checked_fixture (tests, set_up, tear_down);
  return tests;
}

static inline struct sy_cache *
mine (void)
{
  return sy_cache_get (a, "test");
}

/*
 * Leaves a block in the box and takes what was there: a block that may be freed.  full: between the
 * load and the swap the same address may have gone and come back, as another thread's block, which
 * only an acquire at the swap hands over.
 */
static inline void *
mailbox_swap (AO_t *box, void *block)
{
  AO_t old;

  do
    old = AO_load (box);
  while (!AO_compare_and_swap_full (box, old, (AO_t) block));
  return (void *) old;
}

static inline struct sydra_stats
stats_of (struct sydra_alloc *handle)
{
  struct sydra_stats stats = { .size = sizeof stats };

  ck_assert_int_eq (sydra_stats_get (handle, &stats), 0);
  return stats;
}

static inline struct sydra_stats
stats_now (void)
{
  return stats_of (a);
}

#endif
