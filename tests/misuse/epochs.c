/* SPDX-License-Identifier: MIT */
/* epochs.c: sections that are left wrongly, and deferred frees of what cannot be deferred. */
#include <config.h>

#include <pthread.h>
#include <unistd.h>

#include "misuse.h"

static void
leave_without_enter (struct sydra_alloc *a)
{
  sydra_epoch_leave (tell (a), 1);
}

static void
leave_twice (struct sydra_alloc *a)
{
  uint64_t epoch = sydra_epoch_enter (a);

  sydra_epoch_leave (tell (a), epoch);
  sydra_epoch_leave (a, epoch);
}

static void
leave_with_a_value_of_ones_own (struct sydra_alloc *a)
{
  sydra_epoch_leave (tell (a), sydra_epoch_enter (a) + 1);
}

static void
leave_with_all_ones (struct sydra_alloc *a)
{
  (void) sydra_epoch_enter (a);
  sydra_epoch_leave (tell (a), UINT64_MAX);
}

static void
leave_with_an_older_value (struct sydra_alloc *a)
{
  uint64_t epoch = sydra_epoch_enter (a);

  sydra_epoch_leave (a, epoch);
  (void) sydra_epoch_advance (a);
  (void) sydra_epoch_enter (a);
  sydra_epoch_leave (tell (a), epoch);
}

static void
leave_another_handles_section (struct sydra_alloc *a)
{
  struct sydra_alloc *other = handle ();

  sydra_epoch_leave (tell (a), sydra_epoch_enter (other));
}

static void
defer_the_stack (struct sydra_alloc *a)
{
  char local[32];

  (void) sydra_free_deferred (a, tell (local + 16));
}

static void
defer_another_handles (struct sydra_alloc *a)
{
  (void) sydra_free_deferred (a, tell (must_malloc (handle (), 64)));
}

static void
defer_another_handles_large (struct sydra_alloc *a)
{
  (void) sydra_free_deferred (a, tell (must_malloc (handle (), LARGE)));
}

static void
defer_twice_in_a_row (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
}

/* Blocks of 32 KiB are soon enough to look for what may go. */
static void
defer_twice_when_it_was_freed (struct sydra_alloc *a)
{
  struct sydra_stats stats = { .size = sizeof stats };
  void *block = tell (must_malloc (a, 32768));

  (void) sydra_free_deferred (a, block);
  do
    {
      (void) sydra_free_deferred (a, must_malloc (a, 32768));
      (void) sydra_stats_get (a, &stats);
    }
  while (stats.deferred_reclaimed == 0);
  (void) sydra_free_deferred (a, block);
  (void) sydra_collect (a);
}

static pthread_barrier_t all_there;

static void *
stay (void *a)
{
  sydra_free (a, must_malloc (a, 64));
  pthread_barrier_wait (&all_there);
  for (;;)
    (void) pause ();
  return NULL;
}

/* Where threads are several, a bag of the heap's blocks takes more than one over 32 KiB: it is
   sealed at 32 KiB for each of up to four. */
static void
make_bags_of_several (struct sydra_alloc *a)
{
  pthread_t thread;

  if (pthread_barrier_init (&all_there, NULL, 4) != 0)
    _exit (5);
  for (unsigned at = 0; at < 3; at++)
    if (pthread_create (&thread, NULL, stay, a) != 0)
      _exit (5);
  pthread_barrier_wait (&all_there);
  (void) sydra_free_deferred (a, must_malloc (a, 64));
  (void) sydra_collect (a);
}

static void
defer_twice_in_a_row_long (struct sydra_alloc *a)
{
  void *block;

  make_bags_of_several (a);
  block = tell (must_malloc (a, 40000));
  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
}

/* Each time it fills a bag alone. */
static void
defer_twice_while_a_reader_is_inside_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));
  uint64_t epoch = sydra_epoch_enter (a);

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
  sydra_epoch_leave (a, epoch);
  (void) sydra_collect (a);
}

/* It fills a bag alone, and is freed before the second call. */
static void
defer_twice_when_it_is_freed_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
}

static void
defer_what_is_gone_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  (void) sydra_free_deferred (a, block);
}

static void
defer_twice_with_one_between (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64)), *other = must_malloc (a, 64);

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, other);
  (void) sydra_free_deferred (a, block);
  (void) sydra_collect (a);
}

static void
free_what_is_deferred (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) sydra_free_deferred (a, block);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static const struct misuse misuses[] = {
  { "leave without enter", leave_without_enter, "sydra_epoch_leave", NO_SECTION, true },
  { "leave twice", leave_twice, "sydra_epoch_leave", NO_SECTION, true },
  { "leave with a value of one's own", leave_with_a_value_of_ones_own, "sydra_epoch_leave",
    NO_SECTION, true },
  { "leave with all ones", leave_with_all_ones, "sydra_epoch_leave", NO_SECTION, true },
  { "leave with an older value", leave_with_an_older_value, "sydra_epoch_leave", NO_SECTION, true },
  { "leave another handle's section", leave_another_handles_section, "sydra_epoch_leave",
    NO_SECTION, true },
  { "the stack deferred", defer_the_stack, "sydra_free_deferred", UNKNOWN, false },
  { "another handle's deferred", defer_another_handles, "sydra_free_deferred", OTHER, false },
  { "another handle's deferred, large", defer_another_handles_large, "sydra_free_deferred", OTHER,
    false },
  { "deferred twice in a row", defer_twice_in_a_row, "sydra_free_deferred", DEFERRED_TWICE, true },
  { "deferred twice, freed between", defer_twice_when_it_was_freed, LATER, TWICE, false },
  { "deferred twice in a row, long", defer_twice_in_a_row_long, "sydra_free_deferred",
    DEFERRED_TWICE, true },
  { "deferred twice, large, a reader inside", defer_twice_while_a_reader_is_inside_large,
    SY_DEBUG ? "sydra_free_deferred" : "sydra_free", SY_DEBUG ? DEFERRED_TWICE : EMPTY, false },
  { "deferred twice, large, freed between", defer_twice_when_it_is_freed_large,
    "sydra_free_deferred", EMPTY, false },
  { "deferred when gone, large", defer_what_is_gone_large, "sydra_free_deferred", EMPTY, false },
  { "deferred twice with one between", defer_twice_with_one_between, DEFERRED_LATER,
    SY_DEBUG ? DEFERRED_TWICE : TWICE, false },
  { "freed while deferred", free_what_is_deferred, LATER, SY_DEBUG ? WAITING : TWICE, false }
};

void
misuse_add_epochs (Suite *suite)
{
  misuse_add (suite, "sections and deferred frees", misuses, sizeof misuses / sizeof misuses[0]);
}
