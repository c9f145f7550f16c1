/* SPDX-License-Identifier: MIT */
/* contract_sizes.c: every size and alignment is served, and good_size says what a size gets. */
#include <config.h>

#include "contract.h"

#define SIZES_MAX 1200

/* All sizes up to 300, four to each doubling up to 256 KiB with their neighbours, and a sample of
   the others. */
static unsigned
choose_sizes (size_t *size, struct test_random *random)
{
  unsigned count = 0;

  for (size_t small = 0; small <= 300; small++)
    size[count++] = small;
  for (unsigned bit = 5; bit <= 17; bit++)
    for (size_t quarter = 4; quarter < 8; quarter++)
      for (size_t off = 0; off < 3; off++)
        size[count++] = (quarter << (bit - 2)) + off - 1;
  for (unsigned at = 0; at < 200; at++)
    size[count++] = test_random_below (random, POOL_MAX + 10000);
  ck_assert_uint_le (count, SIZES_MAX);
  return count;
}

static void
must_serve (const void *block, size_t size, size_t alignment)
{
  test_must (block != NULL, "no block for size %zu, alignment %zu, errno %d", size, alignment,
             errno);
  test_must (contract_is_aligned (block, alignment), "%p for size %zu, alignment %zu", block, size,
             alignment);
  test_must (sydra_usable_size (a, block) >= size, "%zu usable for size %zu",
             sydra_usable_size (a, block), size);
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
      size_t moved_bytes;

      /* The last one takes the freed one's place and tag. */
      test_must (contract_stamped (block[at], sydra_usable_size (a, block[at]), at),
                 "size %zu, alignment %zu", size[at], alignment);
      sydra_free (a, block[at]);
      moved_bytes = at == moved ? 0 : sydra_usable_size (a, block[moved]);
      test_must (contract_stamped (block[moved], moved_bytes, moved), "overwritten");
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
  static const size_t size[] = { 0, 1, 100, 4096, 65537, POOL_MAX, 1048577 };

  for (size_t alignment = 131072; alignment <= (size_t) 64 << 20; alignment *= 2)
    {
      char *block[sizeof size / sizeof *size];

      for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
        {
          block[at] = sydra_aligned_alloc (a, alignment, size[at]);
          must_serve (block[at], size[at], alignment);
          contract_stamp (block[at], size[at], alignment + at);
        }
      for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
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
      char *block = sydra_malloc (a, size), *zeroed = sydra_calloc (a, 1, size);
      char *grown = sydra_realloc (a, NULL, size), *batched;

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
      test_must (contract_stamped (block[at], sydra_usable_size (a, block[at]), at),
                 "two blocks share memory");
      for (unsigned other = at % 97; other < at; other += 97)
        test_must (block[other] != block[at], "the same block twice");
      sydra_free_sized (a, block[at], 0);
    }
}
END_TEST

START_TEST (good_size_says_what_a_request_gets)
{
  size_t before = 0;

  for (size_t size = 0; size <= POOL_MAX + 10000; size += size < 3000 ? 1 : 61)
    {
      size_t good = sydra_good_size (a, size), usable;
      void *block = sydra_malloc (a, size), *again;

      must_serve (block, size, 1);
      usable = sydra_usable_size (a, block);
      test_must (good >= size && good >= before, "good_size (%zu) is %zu", size, good);
      test_must (sydra_good_size (a, good) == good, "good_size (%zu) is %zu", good,
                 sydra_good_size (a, good));
      if (sydra_alloc_is_small_pool () && size <= POOL_MAX)
        test_must (usable == good, "%zu usable, good_size (%zu) is %zu", usable, size, good);
      /* The C library may leave a block a little larger than it must be; the sanitizers' one never
         rounds up. */
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

void
contract_add_sizes (Suite *suite)
{
  TCase *tests = contract_case (suite, "sizes", 60);

  tcase_add_test (tests, every_size_is_served_at_every_alignment);
  tcase_add_test (tests, alignments_from_128_kib_to_64_mib_are_served);
  tcase_add_test (tests, plain_blocks_are_aligned_for_any_object);
  tcase_add_test (tests, size_zero_gives_unique_blocks_that_can_be_freed);
  tcase_add_test (tests, good_size_says_what_a_request_gets);
}
