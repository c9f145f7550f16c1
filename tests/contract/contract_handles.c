/* SPDX-License-Identifier: MIT */
/* contract_handles.c: what the library is, and several handles side by side. */
#include <config.h>

#include <sched.h>
#include <unistd.h>

#include "contract.h"
#include "threads.h"

extern char *program_invocation_short_name;

/* Set before any test, in the main thread. */
struct identity {
  const char *version, *mode;
  bool is_mimalloc, is_small_pool;
  unsigned shards;
  struct sydra_alloc *handle;
};

static struct identity
identity (void)
{
  struct identity found = { sydra_alloc_version (),     sydra_alloc_mode (),
                            sydra_alloc_is_mimalloc (), sydra_alloc_is_small_pool (),
                            sydra_alloc_shards (),      sydra_alloc_default () };

  return found;
}

START_TEST (the_library_says_what_it_is)
{
  struct identity found = identity ();
  cpu_set_t allowed;
  const char *program = strstr (program_invocation_short_name, "contract_"),
             *mode = program + strlen ("contract_");

  ck_assert_int_eq (sched_getaffinity (0, sizeof allowed, &allowed), 0);
  ck_assert_str_eq (found.version, PACKAGE_VERSION);
  ck_assert (found.is_mimalloc == (strcmp (found.mode, "mimalloc") == 0));
  ck_assert (found.is_small_pool == (strcmp (found.mode, "small_pool") == 0));
  ck_assert (found.is_small_pool || found.is_mimalloc || strcmp (found.mode, "default") == 0);
  ck_assert (found.is_small_pool || found.shards == 0);

  /* A program of one mode has its name, and after that the number of shards where it is fixed,
     or the heap behind the pool. */
  ck_assert_ptr_nonnull (program);
  if (strcmp (mode, "configured") == 0)
    return;
  ck_assert_int_eq (strncmp (mode, found.mode, strlen (found.mode)), 0);
  if (strcmp (mode, "small_pool_0") == 0 || strcmp (mode, "small_pool_1") == 0)
    ck_assert_uint_eq (found.shards, (unsigned) (mode[strlen (mode) - 1] - '0'));
  else if (found.is_small_pool)
    ck_assert_uint_eq (found.shards, (unsigned) CPU_COUNT (&allowed));
}
END_TEST

static void *
ask_identity (void *answer)
{
  *(struct identity *) answer = identity ();
  return NULL;
}

START_TEST (the_library_says_the_same_in_all_threads)
{
  enum { THREADS = 16 };
  struct identity answer[THREADS], mine;
  pthread_t thread[THREADS];

  for (unsigned at = 0; at < THREADS; at++)
    thread[at] = thread_start (ask_identity, &answer[at]);
  mine = identity ();
  ck_assert_ptr_nonnull (mine.handle);
  for (unsigned at = 0; at < THREADS; at++)
    {
      (void) thread_join (thread[at]);
      ck_assert_ptr_eq (answer[at].version, mine.version);
      ck_assert_ptr_eq (answer[at].mode, mine.mode);
      ck_assert (answer[at].is_mimalloc == mine.is_mimalloc
                 && answer[at].is_small_pool == mine.is_small_pool);
      ck_assert_uint_eq (answer[at].shards, mine.shards);
      ck_assert_ptr_eq (answer[at].handle, mine.handle);
    }
}
END_TEST

static int
to_buffer (void *ctx, const char *text, size_t length)
{
  strncat (ctx, text, length);
  return 0;
}

START_TEST (options_are_read_once_and_the_name_is_copied)
{
  char name[] = "a name that is soon overwritten", text[65536] = "";
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;

  ck_assert_uint_eq (options.size, sizeof options);
  ck_assert (options.name == NULL && options.max_bytes == 0 && options.max_deferred_bytes == 0);
  options.name = name;
  named = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (named);
  memset (name, 'x', sizeof name - 1);
  memset (&options, 0xff, sizeof options);
  ck_assert_int_eq (sydra_stats_write (named, SYDRA_STATS_JSON, to_buffer, text), 0);
  ck_assert_ptr_nonnull (strstr (text, "\"a name that is soon overwritten\""));
  ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
}
END_TEST

START_TEST (a_long_name_is_cut_and_no_name_has_its_own)
{
  char text[65536] = "";
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;

  options.name = "0123456789012345678901234567890123456789";
  named = sydra_alloc_create (&options);
  ck_assert_int_eq (sydra_stats_write (named, SYDRA_STATS_JSON, to_buffer, text), 0);
  ck_assert_ptr_nonnull (strstr (text, "\"0123456789012345678901234567890\""));
  ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
  text[0] = '\0';
  ck_assert_int_eq (sydra_stats_write (a, SYDRA_STATS_JSON, to_buffer, text), 0);
  ck_assert_ptr_nonnull (strstr (text, "\"name\": \"alloc\""));
}
END_TEST

START_TEST (options_of_no_version_are_refused)
{
  struct {
    struct sydra_alloc_options options;
    char later[64];
  } newer = { SYDRA_ALLOC_OPTIONS_INIT, "members that this version does not know" };
  struct sydra_alloc *created;

  for (size_t size = 0; size < sizeof newer.options; size++)
    {
      newer.options.size = size;
      errno = 0;
      ck_assert_ptr_null (sydra_alloc_create (&newer.options));
      ck_assert_int_eq (errno, EINVAL);
    }
  for (size_t size = sizeof newer.options; size <= sizeof newer; size++)
    {
      newer.options.size = size;
      created = sydra_alloc_create (&newer.options);
      ck_assert_ptr_nonnull (created);
      ck_assert_uint_eq (sydra_alloc_destroy (created), 0);
    }
}
END_TEST

#define HANDLES 8

/* Mostly small; every tenth may be any the pool serves, and a few are more. */
static size_t
size_in (unsigned handle, unsigned at)
{
  return at % 10 == 0 ? (handle * 37 + at * 2903) % (POOL_MAX + 20000)
                      : (handle * 37 + at * 29) % 700;
}

START_TEST (handles_side_by_side_know_only_their_own)
{
  enum { LIVE = 1000 };
  static void *block[HANDLES][LIVE];
  struct sydra_alloc *handle[HANDLES];

  for (unsigned of = 0; of < HANDLES; of++)
    {
      handle[of] = sydra_alloc_create (NULL);
      ck_assert_ptr_nonnull (handle[of]);
      for (unsigned before = 0; before < of; before++)
        ck_assert_ptr_ne (handle[before], handle[of]);
    }
  /* In turns, handle `of` with 100 * (of + 1) blocks. */
  for (unsigned at = 0; at < LIVE; at++)
    for (unsigned of = 0; of < HANDLES; of++)
      if (at < 100 * (of + 1))
        {
          block[of][at] = sydra_malloc (handle[of], size_in (of, at));
          test_must (block[of][at] != NULL, "no block");
          contract_stamp (block[of][at], size_in (of, at), of * LIVE + at);
        }
  for (unsigned of = 0; of < HANDLES; of++)
    {
      struct sydra_stats stats = contract_stats (handle[of]);
      uint64_t bytes = 0;

      for (unsigned at = 0; at < 100 * (of + 1); at++)
        {
          bytes += sydra_usable_size (handle[of], block[of][at]);
          for (unsigned other = 0; other < HANDLES; other++)
            test_must (sydra_owns (handle[other], block[of][at])
                         == (other == of && sydra_alloc_is_small_pool ()),
                       "handle %u, block of %u, %zu bytes", other, of, size_in (of, at));
        }
      ck_assert_uint_eq (stats.allocations, 100 * (of + 1));
      ck_assert_uint_eq (stats.frees, 0);
      ck_assert_uint_eq (stats.in_use_bytes, bytes);
    }
  /* Every second one goes, with all that is live; the others do not notice. */
  for (unsigned of = 0; of < HANDLES; of += 2)
    ck_assert_uint_eq (sydra_alloc_destroy (handle[of]), 100 * (of + 1));
  for (unsigned of = 1; of < HANDLES; of += 2)
    {
      for (unsigned at = 0; at < 100 * (of + 1); at++)
        {
          test_must (contract_stamped (block[of][at], size_in (of, at), of * LIVE + at),
                     "overwritten");
          sydra_free (handle[of], block[of][at]);
        }
      ck_assert_uint_eq (contract_stats (handle[of]).in_use, 0);
      ck_assert_uint_eq (contract_stats (handle[of]).in_use_bytes, 0);
      ck_assert_uint_eq (sydra_alloc_destroy (handle[of]), 0);
    }
  ck_assert_uint_eq (contract_stats (a).allocations, 0);
}
END_TEST

START_TEST (owns_answers_for_any_pointer)
{
  static int variable;
  int local = 0;
  size_t large_bytes = 2 * POOL_MAX;
  void *foreign = malloc (100), *small = sydra_malloc (a, 100),
       *large = sydra_malloc (a, large_bytes), *longest = sydra_malloc (a, POOL_MAX);
  bool pool = sydra_alloc_is_small_pool ();

  ck_assert (!sydra_owns (a, NULL) && !sydra_owns (a, &local) && !sydra_owns (a, &variable)
             && !sydra_owns (a, foreign));
  ck_assert (sydra_owns (a, small) == pool && sydra_owns (a, (char *) small + 50) == pool);
  for (size_t at = 0; at < POOL_MAX; at += 1000)
    ck_assert (sydra_owns (a, (char *) longest + at) == pool);
  for (size_t at = 0; at < large_bytes; at += 1000)
    ck_assert (sydra_owns (a, (char *) large + at) == pool);
  for (uintptr_t pointer = 1; pointer != 0; pointer <<= 1)
    ck_assert (!sydra_owns (a, (void *) (pointer - 1))
               && (!sydra_owns (a, (void *) (0 - pointer))));
  /* Just below and far above, where no slab is live. */
  ck_assert (
    !sydra_owns (a, (char *) ((uintptr_t) small & ~(uintptr_t) 0xffff) + ((size_t) 1 << 28)));
  sydra_free (a, small);
  sydra_free (a, large);
  sydra_free (a, longest);
  free (foreign);
  (void) sydra_collect (a);
  ck_assert (!sydra_owns (a, small) && !sydra_owns (a, longest) && !sydra_owns (a, large)
             && !sydra_owns (a, (char *) large + large_bytes - 1));
}
END_TEST

/* 256 blocks of different sizes, up to 134,400 bytes, every third of them freed again. */
#define LEFT 170

static void *
leave_some_live (void *argument)
{
  struct sydra_alloc *handle = argument;

  for (unsigned at = 0; at < 256; at++)
    {
      void *block = at % 2 == 0 ? sydra_malloc (handle, at % 32 == 0 ? at * 600 : at * 3)
                                : sydra_aligned_alloc (handle, (size_t) 1 << at % 8, at);

      test_must (block != NULL, "no block");
      if (at % 3 == 0)
        sydra_free (handle, block);
      else
        contract_leave (block);
    }
  return NULL;
}

static pthread_barrier_t barrier;

static void *
leave_some_live_and_wait (void *handle)
{
  (void) leave_some_live (handle);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

START_TEST (destroy_counts_what_is_live_of_all_threads)
{
  enum { ENDED = 5, WAITING = 5 };
  struct sydra_alloc *handle = sydra_alloc_create (NULL);
  pthread_t thread[ENDED + WAITING];

  ck_assert_ptr_nonnull (handle);
  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, WAITING + 1), 0);
  for (unsigned at = 0; at < ENDED + WAITING; at++)
    thread[at] = thread_start (at < ENDED ? leave_some_live : leave_some_live_and_wait, handle);
  threads_join (thread, ENDED);
  (void) leave_some_live (handle);
  pthread_barrier_wait (&barrier);
  ck_assert_uint_eq (contract_stats (handle).in_use, (ENDED + WAITING + 1) * LEFT);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), (ENDED + WAITING + 1) * LEFT);
  /* Those that wait still have their caches of a handle that is gone; ending must not mind. */
  pthread_barrier_wait (&barrier);
  for (unsigned at = ENDED; at < ENDED + WAITING; at++)
    (void) thread_join (thread[at]);
  pthread_barrier_destroy (&barrier);
}
END_TEST

START_TEST (handles_come_and_go_by_thousands)
{
  for (unsigned round = 0; round < 3000; round++)
    {
      struct sydra_alloc *handle = sydra_alloc_create (NULL);
      char *block;
      size_t size;

      test_must (handle != NULL, "no handle in round %u", round);
      size = round % 10 == 0 ? round * 53 % (POOL_MAX + 20000) : round % 600;
      block = sydra_malloc (handle, size);
      test_must (block != NULL, "no block in round %u", round);
      memset (block, 1, size);
      if (round % 2 == 0)
        sydra_free (handle, block);
      else
        contract_leave (block);
      test_must (sydra_alloc_destroy (handle) == round % 2, "round %u", round);
    }
}
END_TEST

void
contract_add_handles (Suite *suite)
{
  TCase *tests = contract_case (suite, "handles", 30);

  tcase_add_test (tests, the_library_says_what_it_is);
  tcase_add_test (tests, the_library_says_the_same_in_all_threads);
  tcase_add_test (tests, options_are_read_once_and_the_name_is_copied);
  tcase_add_test (tests, a_long_name_is_cut_and_no_name_has_its_own);
  tcase_add_test (tests, options_of_no_version_are_refused);
  tcase_add_test (tests, handles_side_by_side_know_only_their_own);
  tcase_add_test (tests, owns_answers_for_any_pointer);
  tcase_add_test (tests, destroy_counts_what_is_live_of_all_threads);
  tcase_add_test (tests, handles_come_and_go_by_thousands);
}
