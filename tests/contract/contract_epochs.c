/* SPDX-License-Identifier: MIT */
/* contract_epochs.c: sections and deferred frees: what is held back, for whom, how much of it, and when it comes back. */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"

/* ---- A thread that enters a section, stays until it is told to go, and may end inside. ---- */

struct guest
{
  struct sydra_alloc *handle;
  pthread_t thread;
  pthread_barrier_t inside;
  bool go, ends_inside;
  uint64_t epoch;
};

static void *
visit (void *argument)
{
  struct guest *guest = argument;

  guest->epoch = sydra_epoch_enter (guest->handle);
  pthread_barrier_wait (&guest->inside);
  while (!__atomic_load_n (&guest->go, __ATOMIC_ACQUIRE))
    usleep (200);
  if (!guest->ends_inside)
    sydra_epoch_leave (guest->handle, guest->epoch);
  return NULL;
}

static void
guest_come (struct guest *guest, struct sydra_alloc *handle)
{
  *guest = (struct guest) { .handle = handle };
  ck_assert_int_eq (pthread_barrier_init (&guest->inside, NULL, 2), 0);
  ck_assert_int_eq (pthread_create (&guest->thread, NULL, visit, guest), 0);
  pthread_barrier_wait (&guest->inside);
}

static void
guest_go (struct guest *guest)
{
  __atomic_store_n (&guest->go, true, __ATOMIC_RELEASE);
  ck_assert_int_eq (pthread_join (guest->thread, NULL), 0);
  pthread_barrier_destroy (&guest->inside);
}

static void *
must_malloc (struct sydra_alloc *handle, size_t size)
{
  void *block = sydra_malloc (handle, size);

  ck_assert_ptr_nonnull (block);
  return block;
}

static void
must_defer (struct sydra_alloc *handle, void *block)
{
  ck_assert_int_eq (sydra_free_deferred (handle, block), 0);
}

static uint64_t
deferred (struct sydra_alloc *handle)
{
  return contract_stats (handle).deferred_blocks;
}

/* ---- What is held back ---- */

START_TEST (without_readers_a_collection_frees_all)
{
  static const size_t size[] = { 0, 1, 16, 24, 64, 100, 256, 257, 5000, POOL_MAX, POOL_MAX + 1, 300000 };

  for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
    must_defer (a, must_malloc (a, size[at]));
  /* A large block may be freed at once. */
  ck_assert_uint_le (deferred (a), sizeof size / sizeof *size);
  ck_assert_uint_eq (contract_stats (a).in_use, deferred (a));
  (void) sydra_collect (a);

  struct sydra_stats stats = contract_stats (a);

  ck_assert_uint_eq (stats.deferred_blocks | stats.deferred_bytes | stats.in_use | stats.in_use_bytes, 0);
  ck_assert_uint_eq (stats.deferred_reclaimed, sizeof size / sizeof *size);
}
END_TEST

START_TEST (null_is_nothing_and_errno_stays)
{
  void *block = must_malloc (a, 40);

  errno = 77;
  must_defer (a, NULL);
  must_defer (a, block);
  (void) sydra_epoch_advance (a);
  ck_assert_int_eq (errno, 77);
  ck_assert_uint_eq (deferred (a), 1);
}
END_TEST

START_TEST (aligned_blocks_are_deferred_like_any)
{
  for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
    must_defer (a, sydra_aligned_alloc (a, alignment, 200));
  (void) sydra_collect (a);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

START_TEST (a_reader_holds_back_what_was_deferred_while_it_is_inside)
{
  struct guest guest;

  guest_come (&guest, a);
  for (unsigned at = 0; at < 1000; at++)
    must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  (void) sydra_epoch_advance (a);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1000);

  struct sydra_stats stats = contract_stats (a);

  ck_assert_uint_eq (stats.epoch_min, guest.epoch);
  ck_assert_uint_gt (stats.epoch_current, guest.epoch);
  ck_assert_uint_gt (stats.deferred_oldest_ns, 0);
  guest_go (&guest);
  (void) sydra_collect (a);
  stats = contract_stats (a);
  ck_assert_uint_eq (stats.deferred_blocks | stats.deferred_oldest_ns, 0);
  ck_assert_uint_eq (stats.epoch_min, stats.epoch_current);
  ck_assert_uint_ge (stats.deferred_high_water_bytes, 1000 * 64);
}
END_TEST

START_TEST (a_reader_holds_back_its_own_deferred_blocks_too)
{
  uint64_t epoch = sydra_epoch_enter (a);

  must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  sydra_epoch_leave (a, epoch);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

START_TEST (a_reader_that_came_later_holds_back_nothing_older)
{
  struct guest first, second;

  guest_come (&first, a);
  must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  guest_come (&second, a);
  ck_assert_uint_gt (second.epoch, first.epoch);
  must_defer (a, must_malloc (a, 64));
  guest_go (&first);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  guest_go (&second);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

START_TEST (sections_nest_and_the_outermost_counts)
{
  uint64_t outer = sydra_epoch_enter (a), middle, inner;

  must_defer (a, must_malloc (a, 64));
  (void) sydra_epoch_advance (a);
  middle = sydra_epoch_enter (a);
  (void) sydra_epoch_advance (a);
  inner = sydra_epoch_enter (a);
  sydra_epoch_leave (a, inner);
  sydra_epoch_leave (a, middle);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  ck_assert_uint_eq (contract_stats (a).epoch_min, outer);
  sydra_epoch_leave (a, outer);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

START_TEST (handles_have_epochs_of_their_own)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);
  uint64_t epoch = sydra_epoch_enter (other);

  must_defer (a, must_malloc (a, 64));
  must_defer (other, must_malloc (other, 64));
  (void) sydra_collect (a);
  (void) sydra_collect (other);
  ck_assert_uint_eq (deferred (a), 0);
  ck_assert_uint_eq (deferred (other), 1);
  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
  ck_assert_int_eq (sydra_epoch_synchronize (other), EDEADLK);
  sydra_epoch_leave (other, epoch);
  (void) sydra_collect (other);
  ck_assert_uint_eq (deferred (other), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (other), 0);
}
END_TEST

START_TEST (a_deferred_block_is_not_written_to)
{
  static void *block[600];
  struct guest guest;

  guest_come (&guest, a);
  for (unsigned at = 0; at < 600; at++)
    {
      block[at] = must_malloc (a, 1 + at);
      contract_stamp (block[at], 1 + at, at);
      must_defer (a, block[at]);
    }
  (void) sydra_collect (a);
  for (unsigned at = 0; at < 600; at++)
    ck_assert (contract_stamped (block[at], 1 + at, at));
  guest_go (&guest);
}
END_TEST

START_TEST (epochs_move_on_one_by_one)
{
  uint64_t epoch = sydra_epoch_advance (a);
  struct sydra_stats stats = contract_stats (a);

  ck_assert_uint_eq (stats.epoch_current, epoch);
  ck_assert_uint_eq (stats.epoch_min, epoch);
  ck_assert_uint_eq (sydra_epoch_advance (a), epoch + 1);
  ck_assert_uint_eq (contract_stats (a).epoch_advances, stats.epoch_advances + 1);
  ck_assert_uint_eq (sydra_epoch_enter (a), epoch + 1);
  sydra_epoch_leave (a, epoch + 1);
  ck_assert (strcmp (stats.epoch_barrier, "membarrier") == 0 || strcmp (stats.epoch_barrier, "fence") == 0);
}
END_TEST

/* ---- Waiting ---- */

static void *
leave_after_a_while (void *argument)
{
  struct guest *guest = argument;

  usleep (30000);
  __atomic_store_n (&guest->go, true, __ATOMIC_RELEASE);
  return NULL;
}

START_TEST (synchronize_waits_for_those_inside)
{
  struct guest guest;
  pthread_t helper;

  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
  guest_come (&guest, a);
  ck_assert_int_eq (pthread_create (&helper, NULL, leave_after_a_while, &guest), 0);
  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
  ck_assert_msg (__atomic_load_n (&guest.go, __ATOMIC_ACQUIRE), "it came back while the reader was inside");
  ck_assert_uint_eq (contract_stats (a).epoch_min, contract_stats (a).epoch_current);
  ck_assert_int_eq (pthread_join (helper, NULL), 0);
  guest_go (&guest);
}
END_TEST

START_TEST (synchronize_inside_a_section_is_refused)
{
  uint64_t outer = sydra_epoch_enter (a), inner = sydra_epoch_enter (a);

  ck_assert_int_eq (sydra_epoch_synchronize (a), EDEADLK);
  sydra_epoch_leave (a, inner);
  ck_assert_int_eq (sydra_epoch_synchronize (a), EDEADLK);
  sydra_epoch_leave (a, outer);
  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
}
END_TEST

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
  static const struct { size_t limit, size; } each[] = {
    { 1000, 64 }, { 4096, 64 }, { 100000, 16 }, { 100000, 256 }, { 100000, 3000 }, { 1 << 20, 48 }, { 1 << 20, 100000 }
  };

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
      ck_assert_uint_gt (stats.deferred_bytes + sydra_usable_size (handle, refused), each[at].limit);
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
  static const size_t size[] = { 64, 256, 1000, 20000 };
  struct sydra_alloc *handle;
  struct guest guest;

  options.max_bytes = 1 << 18;
  handle = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (handle);
  for (unsigned at = 0; at < 4; at++)
    {
      for (unsigned count = 0; count < 100000 / size[at] * 10; count++)
        must_defer (handle, must_malloc (handle, size[at]));
      (void) sydra_collect (handle);
    }

  void *block, *kept = must_malloc (handle, 100000);

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

/* ---- Threads ---- */

static void *
defer_some (void *argument)
{
  for (unsigned at = 0; at < 100; at++)
    if (sydra_free_deferred (argument, sydra_malloc (argument, 64)) != 0)
      return NULL;
  return argument;
}

START_TEST (what_an_ended_thread_deferred_comes_back)
{
  pthread_t thread;
  void *result;

  ck_assert_int_eq (pthread_create (&thread, NULL, defer_some, a), 0);
  ck_assert_int_eq (pthread_join (thread, &result), 0);
  ck_assert_ptr_eq (result, a);
  ck_assert_uint_eq (deferred (a), 100);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

struct idler
{
  pthread_barrier_t deferred, end;
};

static void *
defer_and_idle (void *argument)
{
  struct idler *idler = argument;
  void *result = defer_some (a);

  pthread_barrier_wait (&idler->deferred);
  pthread_barrier_wait (&idler->end);
  return result;
}

static void
with_an_idler (void (*body) (void))
{
  struct idler idler;
  pthread_t thread;
  void *result;

  ck_assert_int_eq (pthread_barrier_init (&idler.deferred, NULL, 2), 0);
  ck_assert_int_eq (pthread_barrier_init (&idler.end, NULL, 2), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, defer_and_idle, &idler), 0);
  pthread_barrier_wait (&idler.deferred);
  body ();
  pthread_barrier_wait (&idler.end);
  ck_assert_int_eq (pthread_join (thread, &result), 0);
  ck_assert_ptr_eq (result, a);
}

static void
collect_once (void)
{
  ck_assert_uint_eq (deferred (a), 100);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}

START_TEST (what_an_idle_thread_deferred_comes_back_at_a_collection)
{
  with_an_idler (collect_once);
}
END_TEST

static void
defer_until_the_idlers_are_gone (void)
{
  unsigned rounds = 0;

  usleep (200000);
  ck_assert_uint_gt (contract_stats (a).deferred_oldest_ns, 200000000);
  /* Its own wait for a moment only, so what is old is the idler's. */
  while (contract_stats (a).deferred_oldest_ns > 100000000)
    {
      for (unsigned at = 0; at < 1000; at++)
        must_defer (a, must_malloc (a, 256));
      ck_assert_uint_lt (++rounds, 1000);
    }
}

START_TEST (what_an_idle_thread_deferred_comes_back_while_others_defer)
{
  with_an_idler (defer_until_the_idlers_are_gone);
}
END_TEST

START_TEST (a_section_ends_with_its_thread)
{
  struct guest guest;

  guest_come (&guest, a);
  guest.ends_inside = true;
  must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  guest_go (&guest);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

/* Destructors that run after the thread's cache is gone enter, defer and leave all the same. */
static pthread_key_t late_key;

static void
late (void *value)
{
  static __thread unsigned rounds;

  if (++rounds < 3)
    {
      (void) pthread_setspecific (late_key, value);
      return;
    }

  uint64_t epoch = sydra_epoch_enter (value);

  if (sydra_free_deferred (value, sydra_malloc (value, 64)) != 0 || sydra_free_deferred (value, sydra_malloc (value, 1000)) != 0)
    abort ();
  sydra_epoch_leave (value, epoch);
}

static void *
end_late (void *argument)
{
  sydra_free (argument, sydra_malloc (argument, 64));
  (void) pthread_setspecific (late_key, argument);
  return NULL;
}

START_TEST (destructors_of_a_thread_enter_and_defer)
{
  pthread_t thread;

  ck_assert_int_eq (pthread_key_create (&late_key, late), 0);
  for (unsigned at = 0; at < 20; at++)
    {
      ck_assert_int_eq (pthread_create (&thread, NULL, end_late, a), 0);
      ck_assert_int_eq (pthread_join (thread, NULL), 0);
    }
  ck_assert_uint_eq (contract_stats (a).deferred_reclaimed + deferred (a), 40);
  (void) sydra_collect (a);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
  ck_assert_int_eq (pthread_key_delete (late_key), 0);
}
END_TEST

/* ---- The end, and forks ---- */

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

static int
child_status (pid_t child)
{
  int status;

  ck_assert_int_gt (child, 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  return status;
}

START_TEST (a_child_of_fork_keeps_its_own_section_and_no_other_threads)
{
  struct guest guest;
  uint64_t epoch;
  pid_t child;

  guest_come (&guest, a);
  must_defer (a, must_malloc (a, 64));
  epoch = sydra_epoch_enter (a);
  child = fork ();
  if (child == 0)
    {
      (void) sydra_collect (a);
      if (deferred (a) != 1)
        _exit (1);
      sydra_epoch_leave (a, epoch);
      (void) sydra_collect (a);
      if (deferred (a) != 0 || sydra_epoch_synchronize (a) != 0)
        _exit (2);
      for (unsigned at = 0; at < 50000; at++)
        if (sydra_free_deferred (a, sydra_malloc (a, 64)) != 0)
          _exit (3);
      (void) sydra_collect (a);
      _exit (contract_stats (a).deferred_bytes == 0 ? 0 : 4);
    }
  ck_assert_int_eq (child_status (child), 0);
  sydra_epoch_leave (a, epoch);
  guest_go (&guest);
}
END_TEST

void
contract_add_epochs (Suite *suite)
{
  TCase *tests = contract_case (suite, "epochs", 60);

  tcase_add_test (tests, without_readers_a_collection_frees_all);
  tcase_add_test (tests, null_is_nothing_and_errno_stays);
  tcase_add_test (tests, aligned_blocks_are_deferred_like_any);
  tcase_add_test (tests, a_reader_holds_back_what_was_deferred_while_it_is_inside);
  tcase_add_test (tests, a_reader_holds_back_its_own_deferred_blocks_too);
  tcase_add_test (tests, a_reader_that_came_later_holds_back_nothing_older);
  tcase_add_test (tests, sections_nest_and_the_outermost_counts);
  tcase_add_test (tests, handles_have_epochs_of_their_own);
  tcase_add_test (tests, a_deferred_block_is_not_written_to);
  tcase_add_test (tests, epochs_move_on_one_by_one);
  tcase_add_test (tests, synchronize_waits_for_those_inside);
  tcase_add_test (tests, synchronize_inside_a_section_is_refused);
  tcase_add_test (tests, past_the_limit_a_stalled_reader_is_reported_and_the_block_stays_the_callers);
  tcase_add_test (tests, without_readers_no_block_is_refused);
  tcase_add_test (tests, what_was_deferred_gives_way_to_an_allocation);
  tcase_add_test (tests, who_defers_drives_reclamation);
  tcase_add_test (tests, what_an_ended_thread_deferred_comes_back);
  tcase_add_test (tests, what_an_idle_thread_deferred_comes_back_at_a_collection);
  tcase_add_test (tests, what_an_idle_thread_deferred_comes_back_while_others_defer);
  tcase_add_test (tests, a_section_ends_with_its_thread);
  tcase_add_test (tests, destructors_of_a_thread_enter_and_defer);
  tcase_add_test (tests, what_still_waits_when_the_handle_ends_is_not_live);
  if (!TEST_SANITIZED)
    tcase_add_test (tests, a_child_of_fork_keeps_its_own_section_and_no_other_threads);
}
