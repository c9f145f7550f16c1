/* SPDX-License-Identifier: MIT */
/* contract_deferred.c: how much may wait, and what becomes of it at the limit and at the end. */
#include <config.h>

#include "sections.h"

/* ---- The limit ---- */

struct told
{
  unsigned times;
  struct sydra_stall stall;
};

static void
note_stall (void *ctx, const struct sydra_stall *stall)
{
  struct told *told = ctx;

  told->times++;
  told->stall = *stall;
}

static struct sydra_alloc *
limited (size_t max_deferred_bytes, struct told *told)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;

  options.max_deferred_bytes = max_deferred_bytes;
  options.on_stall = note_stall;
  options.on_stall_ctx = told;
  told->times = 0;

  struct sydra_alloc *handle = sydra_alloc_create (&options);

  ck_assert_ptr_nonnull (handle);
  return handle;
}

/* Defers blocks of the size until one is refused, which is returned. */
static void *
defer_until_refused (struct sydra_alloc *handle, size_t size, unsigned *count)
{
  for (*count = 0;; ++*count)
    {
      void *block = must_malloc (handle, size);
      int error;

      contract_stamp (block, size, *count);
      errno = 5;
      error = sydra_free_deferred (handle, block);
      ck_assert_int_eq (errno, 5);
      ck_assert (error == 0 || error == EAGAIN);
      if (error != 0)
        {
          ck_assert (contract_stamped (block, size, *count));
          return block;
        }
      ck_assert_uint_lt (*count, 1000000);
    }
}

START_TEST (past_the_limit_a_stalled_reader_is_reported_and_the_block_stays_the_callers)
{
  static const struct { size_t limit, size;
  } each[] = { { 1000, 64 },     { 4096, 64 },    { 100000, 16 },     { 100000, 256 },
               { 100000, 3000 }, { 1 << 20, 48 }, { 1 << 20, 100000 },
               { 1 << 20, 200000 } };

  for (unsigned at = 0; at < sizeof each / sizeof *each; at++)
    {
      struct told told;
      struct sydra_alloc *handle = limited (each[at].limit, &told);
      struct guest guest;
      unsigned count;
      void *refused;

      guest_come (&guest, handle);
      refused = defer_until_refused (handle, each[at].size, &count);

      struct sydra_stats stats = contract_stats (handle);

      ck_assert_uint_eq (stats.deferred_blocks, count);
      ck_assert_uint_le (stats.deferred_bytes, each[at].limit);
      ck_assert_uint_gt (stats.deferred_bytes + sydra_usable_size (handle, refused),
                         each[at].limit);
      ck_assert_uint_eq (stats.deferred_stalls, 1);
      ck_assert_uint_eq (told.times, 1);
      ck_assert_uint_ge (told.stall.size, sizeof told.stall);
      ck_assert_uint_eq (told.stall.epoch, guest.epoch);
      ck_assert_uint_eq (told.stall.deferred_bytes, stats.deferred_bytes);
      ck_assert_int_ne (told.stall.thread_id, 0);
      ck_assert_int_ne (told.stall.thread_id, (long) getpid ());
      usleep (2000);
      ck_assert_int_eq (sydra_free_deferred (handle, refused), EAGAIN);
      ck_assert_uint_ge (told.stall.inside_ns, 1000000);
      guest_go (&guest);
      must_defer (handle, refused);
      ck_assert_uint_eq (told.times, 2);
      (void) sydra_collect (handle);
      ck_assert_uint_eq (contract_stats (handle).in_use, 0);
      ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
    }
}
END_TEST

START_TEST (without_readers_no_block_is_refused)
{
  struct told told;
  struct sydra_alloc *handle = limited (500, &told);

  for (unsigned at = 0; at < 5000; at++)
    must_defer (handle, must_malloc (handle, at % 1000));
  (void) sydra_collect (handle);
  ck_assert_uint_eq (contract_stats (handle).in_use, 0);
  ck_assert_uint_eq (told.times, 0);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (what_was_deferred_gives_way_to_an_allocation)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  static const size_t size[] = { 64, 256, 1000, 20000, 100000 };
  struct sydra_alloc *handle;
  struct guest guest;

  options.max_bytes = 1 << 18;
  handle = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (handle);
  for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
    {
      for (unsigned count = 0; count < 100000 / size[at] * 10; count++)
        must_defer (handle, must_malloc (handle, size[at]));
      (void) sydra_collect (handle);
    }

  void *block, *kept = must_malloc (handle, POOL_MAX + 1);

  guest_come (&guest, handle);
  must_defer (handle, kept);
  errno = 0;
  while ((block = sydra_malloc (handle, 5000)) != NULL)
    must_defer (handle, block);
  ck_assert_int_eq (errno, ENOMEM);
  guest_go (&guest);
  block = must_malloc (handle, 200000);
  sydra_free (handle, block);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (who_defers_drives_reclamation)
{
  /* Nobody collects: what waits stays bounded by what comes between two looks. */
  for (unsigned at = 0; at < 200000; at++)
    must_defer (a, must_malloc (a, 64));
  ck_assert_uint_lt (contract_stats (a).deferred_bytes, 1 << 20);
  ck_assert_uint_gt (contract_stats (a).deferred_reclaimed, 100000);
}
END_TEST

START_TEST (what_still_waits_when_the_handle_ends_is_not_live)
{
  struct sydra_alloc *handle = sydra_alloc_create (NULL);
  void *left = must_malloc (handle, 100);

  contract_leave (left);
  for (unsigned at = 0; at < 300; at++)
    must_defer (handle, must_malloc (handle, at * 3));
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 1);
}
END_TEST

void
contract_add_deferred (Suite *suite)
{
  TCase *tests = contract_case (suite, "deferred", 60);

  tcase_add_test (tests,
                  past_the_limit_a_stalled_reader_is_reported_and_the_block_stays_the_callers);
  tcase_add_test (tests, without_readers_no_block_is_refused);
  tcase_add_test (tests, what_was_deferred_gives_way_to_an_allocation);
  tcase_add_test (tests, who_defers_drives_reclamation);
  tcase_add_test (tests, what_still_waits_when_the_handle_ends_is_not_live);
}
