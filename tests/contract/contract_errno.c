/* SPDX-License-Identifier: MIT */
/* contract_errno.c: what cannot be had is refused, with an errno that says why; free keeps
   errno. */
#include <config.h>

#include "contract.h"

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
  void *block = sydra_malloc (a, 100), *large = sydra_malloc (a, 200000), *none[2] = { NULL, NULL };

  refusals = 0;
  contract_stamp (block, 100, 1);
  contract_stamp (large, 200000, 2);
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
  ck_assert (contract_stamped (block, 100, 1) && contract_stamped (large, 200000, 2));
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
      refused (sydra_calloc (a, factor, SIZE_MAX / factor), ENOMEM, "calloc", factor,
               SIZE_MAX / factor);
      refused (sydra_calloc (a, SIZE_MAX - factor, factor), ENOMEM, "calloc", SIZE_MAX - factor,
               factor);
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
      const size_t size[] = { SIZE_MAX - alignment + 1, SIZE_MAX - alignment, SIZE_MAX,
                              (size_t) PTRDIFF_MAX + 1, (size_t) PTRDIFF_MAX - alignment / 2,
                              SIZE_MAX - 15, SIZE_MAX - 4095 };

      for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
        {
          if (size[at] + 1 < (size_t) PTRDIFF_MAX / 2 || (at == 4 && alignment > PTRDIFF_MAX))
            continue;
          refused (sydra_aligned_alloc (a, alignment, size[at]), ENOMEM, "aligned_alloc", alignment,
                   size[at]);
          refused (value.alloc (value.ctx, size[at], alignment), ENOMEM, "alloc", alignment,
                   size[at]);
        }
    }
  /* Alignments that no address space has. */
  for (unsigned bit = 50; bit < sizeof (size_t) * 8; bit++)
    refused (sydra_aligned_alloc (a, (size_t) 1 << bit, 1), ENOMEM, "aligned_alloc",
             (size_t) 1 << bit, 1);
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
      refused (sydra_aligned_alloc (a, SIZE_MAX, size[at]), EINVAL, "aligned_alloc", SIZE_MAX,
               size[at]);
      refused (value.alloc (value.ctx, size[at], 0), EINVAL, "alloc", 0, size[at]);
      for (size_t power = 4; power != 0; power <<= 1)
        {
          refused (sydra_aligned_alloc (a, power - 1, size[at]), EINVAL, "aligned_alloc", power - 1,
                   size[at]);
          refused (sydra_aligned_alloc (a, power + 1, size[at]), EINVAL, "aligned_alloc", power + 1,
                   size[at]);
          refused (sydra_aligned_alloc (a, power + power / 2, size[at]), EINVAL, "aligned_alloc",
                   power + power / 2, size[at]);
          refused (value.alloc (value.ctx, size[at], power - 1), EINVAL, "alloc", power - 1,
                   size[at]);
        }
    }
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
  unsigned rounds = test_steps (100000, 1000000) / LIVE;

  for (unsigned round = 0; round < rounds; round++)
    {
      size_t most = round % 20 == 0 ? POOL_MAX + 20000 : round % 5 == 0 ? 3000 : 257;
      size_t size = test_random_below (&random, most);

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
contract_add_errno (Suite *suite)
{
  TCase *tests = contract_case (suite, "errno", 60);

  tcase_add_test (tests, sizes_that_cannot_be_are_refused);
  tcase_add_test (tests, products_that_overflow_are_refused);
  tcase_add_test (tests, sizes_near_the_wrap_are_refused_at_every_alignment);
  tcase_add_test (tests, alignments_that_are_no_power_of_two_are_refused);
  tcase_add_test (tests, free_keeps_errno);
}
