/* SPDX-License-Identifier: MIT */
/* contract_sizes.c: every size and alignment, and those that cannot be. */
#include <config.h>

#include <sched.h>

#include "contract.h"
#include "threads.h"

#define SIZES_MAX 1200

/* All sizes up to 300, four to each doubling up to 128 KiB with their neighbours, and a sample of the others. */
static unsigned
choose_sizes (size_t *size, struct test_random *random)
{
  unsigned count = 0;

  for (size_t small = 0; small <= 300; small++)
    size[count++] = small;
  for (unsigned bit = 5; bit <= 16; bit++)
    for (size_t quarter = 4; quarter < 8; quarter++)
      for (size_t off = 0; off < 3; off++)
        size[count++] = (quarter << (bit - 2)) + off - 1;
  for (unsigned at = 0; at < 200; at++)
    size[count++] = test_random_below (random, 65537);
  ck_assert_uint_le (count, SIZES_MAX);
  return count;
}

static void
must_serve (const void *block, size_t size, size_t alignment)
{
  test_must (block != NULL, "no block for size %zu, alignment %zu, errno %d", size, alignment, errno);
  test_must (contract_is_aligned (block, alignment), "%p for size %zu, alignment %zu", block, size, alignment);
  test_must (sydra_usable_size (a, block) >= size, "%zu usable for size %zu", sydra_usable_size (a, block), size);
}

/* All sizes at once, each block stamped over all that it may use; freed in any order. */
static void
serve_all (size_t alignment, const size_t *size, unsigned count, struct test_random *random)
{
  static char *block[SIZES_MAX];

  for (unsigned at = 0; at < count; at++)
    {
      block[at] = sydra_aligned_alloc (a, alignment, size[at]);
      must_serve (block[at], size[at], alignment);
      contract_stamp (block[at], sydra_usable_size (a, block[at]), at);
    }
  for (unsigned left = count; left > 0; left--)
    {
      unsigned at = (unsigned) test_random_below (random, left), moved = left - 1;

      /* The last one takes the freed one's place and tag. */
      test_must (contract_stamped (block[at], sydra_usable_size (a, block[at]), at), "size %zu, alignment %zu", size[at], alignment);
      sydra_free (a, block[at]);
      test_must (contract_stamped (block[moved], at == moved ? 0 : sydra_usable_size (a, block[moved]), moved), "overwritten");
      block[at] = block[moved];
      if (at != moved)
        contract_stamp (block[at], sydra_usable_size (a, block[at]), at);
    }
}

START_TEST (every_size_is_served_at_every_alignment)
{
  struct test_random random = test_random_make (1);
  static size_t size[SIZES_MAX];
  unsigned count = choose_sizes (size, &random);

  for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
    serve_all (alignment, size, count, &random);
}
END_TEST

START_TEST (alignments_from_128_kib_to_64_mib_are_served)
{
  static const size_t size[] = { 0, 1, 100, 4096, 65537, 1048577 };

  for (size_t alignment = 131072; alignment <= (size_t) 64 << 20; alignment *= 2)
    {
      char *block[6];

      for (unsigned at = 0; at < 6; at++)
        {
          block[at] = sydra_aligned_alloc (a, alignment, size[at]);
          must_serve (block[at], size[at], alignment);
          contract_stamp (block[at], size[at], alignment + at);
        }
      for (unsigned at = 0; at < 6; at++)
        {
          ck_assert (contract_stamped (block[at], size[at], alignment + at));
          sydra_free_aligned_sized (a, block[at], alignment, size[at]);
        }
    }
}
END_TEST

START_TEST (plain_blocks_are_aligned_for_any_object)
{
  const size_t most = MAX_ALIGN, most_size = POOL_MAX + 5000;

  for (size_t size = 0; size <= most_size; size += size < 5000 ? 1 : 61)
    {
      char *block = sydra_malloc (a, size), *zeroed = sydra_calloc (a, 1, size), *grown = sydra_realloc (a, NULL, size), *batched;

      ck_assert_uint_eq (sydra_malloc_batch (a, size, 1, (void **) &batched), 1);
      must_serve (block, size, most);
      must_serve (zeroed, size, most);
      must_serve (grown, size, most);
      must_serve (batched, size, most);
      grown = sydra_realloc (a, grown, most_size - size);
      must_serve (grown, most_size - size, most);
      sydra_free (a, block);
      sydra_free (a, zeroed);
      sydra_free (a, grown);
      sydra_free (a, batched);
    }
}
END_TEST

START_TEST (size_zero_gives_unique_blocks_that_can_be_freed)
{
  enum { COUNT = 1000 };
  static void *block[6 * COUNT];
  unsigned count = 0;

  for (unsigned at = 0; at < COUNT; at++)
    {
      block[count++] = sydra_malloc (a, 0);
      block[count++] = sydra_calloc (a, 0, 8);
      block[count++] = sydra_calloc (a, 8, 0);
      block[count++] = sydra_realloc (a, NULL, 0);
      block[count++] = sydra_aligned_alloc (a, (size_t) 1 << at % 13, 0);
      ck_assert_uint_eq (sydra_malloc_batch (a, 0, 1, &block[count++]), 1);
    }
  for (unsigned at = 0; at < count; at++)
    {
      test_must (block[at] != NULL, "no block");
      contract_stamp (block[at], sydra_usable_size (a, block[at]), at);
    }
  for (unsigned at = 0; at < count; at++)
    {
      test_must (contract_stamped (block[at], sydra_usable_size (a, block[at]), at), "two blocks share memory");
      for (unsigned other = at % 97; other < at; other += 97)
        test_must (block[other] != block[at], "the same block twice");
      sydra_free_sized (a, block[at], 0);
    }
}
END_TEST

static unsigned refusals;

/* One case of something that cannot be had. */
static void
refused (const void *block, int error, const char *what, size_t x, size_t y)
{
  refusals++;
  test_must (block == NULL, "%s (%zu, %zu) gave %p", what, x, y, block);
  test_must (errno == error, "%s (%zu, %zu) set errno to %d", what, x, y, errno);
  errno = 0;
}

/* What is over PTRDIFF_MAX, at both ends and in between. */
static size_t
impossible_size (unsigned number)
{
  return number < 20   ? (size_t) PTRDIFF_MAX + 1 + number * number
         : number < 40 ? SIZE_MAX - (number - 20) * (number - 20)
                       : (size_t) PTRDIFF_MAX + (SIZE_MAX / 2 / 20) * (number - 39);
}

START_TEST (sizes_that_cannot_be_are_refused)
{
  void *block = sydra_malloc (a, 100), *large = sydra_malloc (a, 10000), *none[2] = { NULL, NULL };

  refusals = 0;
  contract_stamp (block, 100, 1);
  contract_stamp (large, 10000, 2);
  errno = 0;
  for (unsigned number = 0; number < 60; number++)
    {
      size_t size = impossible_size (number);

      refused (sydra_malloc (a, size), ENOMEM, "malloc", size, 0);
      refused (sydra_calloc (a, 1, size), ENOMEM, "calloc", 1, size);
      refused (sydra_calloc (a, size, 1), ENOMEM, "calloc", size, 1);
      refused (sydra_realloc (a, NULL, size), ENOMEM, "realloc of nothing", size, 0);
      refused (sydra_realloc (a, block, size), ENOMEM, "realloc", size, 0);
      refused (sydra_realloc (a, large, size), ENOMEM, "realloc", size, 0);
      ck_assert_uint_eq (sydra_malloc_batch (a, size, 2, none), 0);
      refused (NULL, ENOMEM, "malloc_batch", size, 0);
      ck_assert (!sydra_resize (a, block, size) && !sydra_resize (a, large, size));
      refused (NULL, 0, "resize", size, 0);
      ck_assert_uint_eq (sydra_good_size (a, size), size);
    }
  ck_assert_uint_ge (refusals, 200);
  ck_assert (contract_stamped (block, 100, 1) && contract_stamped (large, 10000, 2));
  ck_assert_uint_eq (contract_stats (a).in_use, 2);
  sydra_free (a, block);
  sydra_free (a, large);
}
END_TEST

START_TEST (products_that_overflow_are_refused)
{
  const size_t half = (size_t) 1 << (sizeof (size_t) * 4);

  refusals = 0;
  errno = 0;
  for (size_t factor = 2; factor <= 120; factor++)
    {
      /* Wraps to something small; and stays under SIZE_MAX but over PTRDIFF_MAX. */
      size_t other = SIZE_MAX / factor + 1;

      refused (sydra_calloc (a, factor, other), ENOMEM, "calloc", factor, other);
      refused (sydra_calloc (a, other, factor), ENOMEM, "calloc", other, factor);
      refused (sydra_calloc (a, factor, SIZE_MAX / factor), ENOMEM, "calloc", factor, SIZE_MAX / factor);
      refused (sydra_calloc (a, SIZE_MAX - factor, factor), ENOMEM, "calloc", SIZE_MAX - factor, factor);
    }
  refused (sydra_calloc (a, half, half), ENOMEM, "calloc", half, half);
  refused (sydra_calloc (a, half + 1, half), ENOMEM, "calloc", half + 1, half);
  refused (sydra_calloc (a, half, half / 2), ENOMEM, "calloc", half, half / 2);
  refused (sydra_calloc (a, SIZE_MAX, SIZE_MAX), ENOMEM, "calloc", SIZE_MAX, SIZE_MAX);
  ck_assert_uint_ge (refusals, 200);
}
END_TEST

START_TEST (sizes_near_the_wrap_are_refused_at_every_alignment)
{
  const struct sydra_allocator value = sydra_alloc_interface (a);

  refusals = 0;
  errno = 0;
  for (size_t alignment = 1; alignment != 0; alignment <<= 1)
    {
      /* size + alignment is 0, 1 or just short of the wrap, or at PTRDIFF_MAX. */
      const size_t size[] = { SIZE_MAX - alignment + 1, SIZE_MAX - alignment, SIZE_MAX, (size_t) PTRDIFF_MAX + 1, (size_t) PTRDIFF_MAX - alignment / 2,
                              SIZE_MAX - 15, SIZE_MAX - 4095 };

      for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
        {
          if (size[at] + 1 < (size_t) PTRDIFF_MAX / 2 || (at == 4 && alignment > PTRDIFF_MAX))
            continue;
          refused (sydra_aligned_alloc (a, alignment, size[at]), ENOMEM, "aligned_alloc", alignment, size[at]);
          refused (value.alloc (value.ctx, size[at], alignment), ENOMEM, "alloc", alignment, size[at]);
        }
    }
  /* Alignments that no address space has. */
  for (unsigned bit = 50; bit < sizeof (size_t) * 8; bit++)
    refused (sydra_aligned_alloc (a, (size_t) 1 << bit, 1), ENOMEM, "aligned_alloc", (size_t) 1 << bit, 1);
  ck_assert_uint_ge (refusals, 200);
}
END_TEST

START_TEST (alignments_that_are_no_power_of_two_are_refused)
{
  const struct sydra_allocator value = sydra_alloc_interface (a);
  size_t size[] = { 0, 1, 16, 100, 300, SIZE_MAX };

  errno = 0;
  for (unsigned at = 0; at < 6; at++)
    {
      refused (sydra_aligned_alloc (a, 0, size[at]), EINVAL, "aligned_alloc", 0, size[at]);
      refused (sydra_aligned_alloc (a, SIZE_MAX, size[at]), EINVAL, "aligned_alloc", SIZE_MAX, size[at]);
      refused (value.alloc (value.ctx, size[at], 0), EINVAL, "alloc", 0, size[at]);
      for (size_t power = 4; power != 0; power <<= 1)
        {
          refused (sydra_aligned_alloc (a, power - 1, size[at]), EINVAL, "aligned_alloc", power - 1, size[at]);
          refused (sydra_aligned_alloc (a, power + 1, size[at]), EINVAL, "aligned_alloc", power + 1, size[at]);
          refused (sydra_aligned_alloc (a, power + power / 2, size[at]), EINVAL, "aligned_alloc", power + power / 2, size[at]);
          refused (value.alloc (value.ctx, size[at], power - 1), EINVAL, "alloc", power - 1, size[at]);
        }
    }
}
END_TEST

START_TEST (good_size_says_what_a_request_gets)
{
  size_t before = 0;

  for (size_t size = 0; size <= 70000; size += size < 3000 ? 1 : 61)
    {
      size_t good = sydra_good_size (a, size), usable;
      void *block = sydra_malloc (a, size), *again;

      must_serve (block, size, 1);
      usable = sydra_usable_size (a, block);
      test_must (good >= size && good >= before, "good_size (%zu) is %zu", size, good);
      test_must (sydra_good_size (a, good) == good, "good_size (%zu) is %zu", good, sydra_good_size (a, good));
      if (sydra_alloc_is_small_pool () && size <= POOL_MAX)
        test_must (usable == good, "%zu usable, good_size (%zu) is %zu", usable, size, good);
      /* The C library may leave a block a little larger than it must be; the sanitizers' one never rounds up. */
      else if (!TEST_SANITIZED)
        test_must (usable >= good, "%zu usable, good_size (%zu) is %zu", usable, size, good);
      again = sydra_malloc (a, good);
      must_serve (again, good, 1);
      sydra_free (a, again);
      sydra_free (a, block);
      before = good;
    }
  ck_assert_uint_eq (sydra_usable_size (a, NULL), 0);
}
END_TEST

/* A dirty block is freed, another one taken zeroed, 64 of them live at a time. */
START_TEST (calloc_gives_zeros_however_dirty_the_blocks_were)
{
  enum { LIVE = 64 };
  struct test_random random = test_random_make (2);
  void *live[LIVE] = { NULL };
  unsigned rounds = TEST_SANITIZED ? 100000 : 1000000;

  for (unsigned round = 0; round < rounds; round++)
    {
      size_t size = test_random_below (&random, round % 1000 == 0 ? 300000 : round % 16 == 0 ? 10000 : 300), at = test_random_below (&random, LIVE);
      size_t count = size % 7 == 0 && size != 0 ? 7 : 1;

      sydra_free (a, live[at]);
      live[at] = sydra_calloc (a, count, size / count);
      test_must (live[at] != NULL, "no block of %zu", size);
      test_must (contract_is_zero (live[at], size), "a byte of %zu is not zero in round %u", size, round);
      memset (live[at], 0xa5, sydra_usable_size (a, live[at]));
    }
  sydra_free_batch (a, LIVE, live);
}
END_TEST

/* ---- Zeros, while another thread frees ---- */

enum { PASSED = 64 };
static void *passed[PASSED];
static bool passing_ends;

/* Frees whatever lies in the slots, until it is told that no more comes. */
static void *
free_what_is_passed (void *argument)
{
  (void) argument;
  for (bool last = false; !last;)
    {
      unsigned freed = 0;

      last = __atomic_load_n (&passing_ends, __ATOMIC_ACQUIRE);
      for (unsigned at = 0; at < PASSED; at++)
        {
          void *block = __atomic_exchange_n (&passed[at], NULL, __ATOMIC_ACQ_REL);

          freed += block != NULL;
          sydra_free (a, block);
        }
      if (freed == 0)
        sched_yield ();
    }
  return NULL;
}

/* One in four is left for the other thread, one in four is freed at once, the rest in its turn. */
static void
end_dirty (void **slot, void *block, unsigned round)
{
  memset (block, 0xa5, sydra_usable_size (a, block));
  if (round % 4 == 0)
    block = __atomic_exchange_n (&passed[round / 4 % PASSED], block, __ATOMIC_ACQ_REL);
  else if (round % 4 != 1)
    {
      void *old = *slot;

      *slot = block;
      block = old;
    }
  sydra_free (a, block);
}

/* Every size up to 40,000 comes, in an order without any, and no two neighbours are alike. */
START_TEST (calloc_gives_zeros_of_every_size_while_another_thread_frees)
{
  enum { LIVE = 64, MOST = 40000 };
  struct test_random random = test_random_make (4);
  void *live[LIVE] = { NULL };
  unsigned rounds = TEST_SANITIZED ? 20000 : 120000;
  size_t first = test_random_below (&random, MOST);
  pthread_t thread;

  passing_ends = false;
  thread = thread_start (free_what_is_passed, NULL);
  for (unsigned round = 0; round < rounds; round++)
    {
      size_t size = 1 + (first + (size_t) round * 7919) % MOST;
      void *block = sydra_calloc (a, 1, size);

      test_must (block != NULL, "no block of %zu", size);
      test_must (contract_is_zero (block, size), "a byte of %zu is not zero in round %u", size, round);
      end_dirty (&live[test_random_below (&random, LIVE)], block, round);
      if (round % 1000 == 999)
        (void) sydra_collect (a);
    }
  __atomic_store_n (&passing_ends, true, __ATOMIC_RELEASE);
  (void) thread_join (thread);
  sydra_free_batch (a, LIVE, live);
}
END_TEST

static void
free_somehow (void *block, size_t size, unsigned way)
{
  if (way == 0)
    sydra_free (a, block);
  else if (way == 1)
    sydra_free_sized (a, block, size);
  else if (way == 2)
    sydra_free_aligned_sized (a, block, 1, size);
  else
    sydra_free_batch (a, 1, &block);
}

START_TEST (free_keeps_errno)
{
  enum { LIVE = 500 };
  static void *block[LIVE];
  struct test_random random = test_random_make (3);
  unsigned rounds = (TEST_SANITIZED ? 100000 : 1000000) / LIVE;

  for (unsigned round = 0; round < rounds; round++)
    {
      size_t size = test_random_below (&random, round % 20 == 0 ? POOL_MAX + 1000 : round % 5 == 0 ? 3000 : 257);

      for (unsigned at = 0; at < LIVE; at++)
        {
          /* Some are so large that they go back to the system. */
          block[at] = sydra_malloc (a, at == 0 && round % 10 == 0 ? 2000000 : size);
          test_must (block[at] != NULL, "no block");
        }
      for (unsigned at = 0; at < LIVE; at++)
        {
          errno = (int) (round + at) % 130;
          free_somehow (block[at], size, at % 4);
          test_must (errno == (int) (round + at) % 130, "errno is %d", errno);
        }
      errno = EDOM;
      sydra_free (a, NULL);
      sydra_free_sized (a, NULL, 5);
      sydra_free_aligned_sized (a, NULL, 64, 5);
      sydra_free_batch (a, 0, NULL);
      if (round % 50 == 0)
        (void) sydra_alloc_default ();
      test_must (errno == EDOM, "errno is %d", errno);
    }
}
END_TEST

void
contract_add_sizes (Suite *suite)
{
  TCase *tests = contract_case (suite, "sizes", 60);

  tcase_add_test (tests, every_size_is_served_at_every_alignment);
  tcase_add_test (tests, alignments_from_128_kib_to_64_mib_are_served);
  tcase_add_test (tests, plain_blocks_are_aligned_for_any_object);
  tcase_add_test (tests, size_zero_gives_unique_blocks_that_can_be_freed);
  tcase_add_test (tests, sizes_that_cannot_be_are_refused);
  tcase_add_test (tests, products_that_overflow_are_refused);
  tcase_add_test (tests, sizes_near_the_wrap_are_refused_at_every_alignment);
  tcase_add_test (tests, alignments_that_are_no_power_of_two_are_refused);
  tcase_add_test (tests, good_size_says_what_a_request_gets);
  tcase_add_test (tests, calloc_gives_zeros_however_dirty_the_blocks_were);
  tcase_add_test (tests, calloc_gives_zeros_of_every_size_while_another_thread_frees);
  tcase_add_test (tests, free_keeps_errno);
}
