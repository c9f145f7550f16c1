/* SPDX-License-Identifier: MIT */
/* sizes.c: frees with a size or an alignment that the block cannot have. */
#include <config.h>

#include "misuse.h"

static void
too_big_a_size (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  sydra_free_sized (a, block, sydra_usable_size (a, block) + 1);
}

static void
too_big_a_size_large (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (a, LARGE)), 10 * LARGE);
}

static void
too_big_a_size_medium (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (a, MEDIUM)), MEDIUM + 1);
}

static void
a_size_of_all (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (a, 64)), SIZE_MAX);
}

static void
too_big_an_aligned_size (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, tell (must_malloc (a, 64)), 16, SIZE_MAX);
}

static void
no_power_of_two (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, tell (must_malloc (a, 64)), 24, 64);
}

static void
alignment_of_zero (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, tell (must_malloc (a, 64)), 0, 64);
}

static void
alignment_it_has_not (struct sydra_alloc *a)
{
  char *block = must_malloc (a, 16);

  while (((uintptr_t) block & 4095) == 0)
    block = must_malloc (a, 16);
  sydra_free_aligned_sized (a, tell (block), 4096, 16);
}

static void
alignment_of_the_top_bit (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, tell (must_malloc (a, 64)), SIZE_MAX / 2 + 1, 64);
}

static void
alignment_it_has_not_large (struct sydra_alloc *a)
{
  char *block = must_malloc (a, LARGE);

  /* Of two blocks of three units that lie side by side, one is not aligned to two units. */
  while (((uintptr_t) block & (2 * UNIT - 1)) == 0)
    block = must_malloc (a, LARGE);
  sydra_free_aligned_sized (a, tell (block), 2 * UNIT, LARGE);
}

static const struct misuse misuses[] = {
  { "too big a size", too_big_a_size, "sydra_free_sized", SMALLER, true },
  { "too big a size, medium", too_big_a_size_medium, "sydra_free_sized", SMALLER, false },
  { "too big a size, large", too_big_a_size_large, "sydra_free_sized", SMALLER, true },
  { "a size of all", a_size_of_all, "sydra_free_sized", SMALLER, true },
  { "too big a size, aligned", too_big_an_aligned_size, "sydra_free_aligned_sized", SMALLER, true },
  { "an alignment of 24", no_power_of_two, "sydra_free_aligned_sized", UNALIGNED, true },
  { "an alignment of 0", alignment_of_zero, "sydra_free_aligned_sized", UNALIGNED, true },
  { "an alignment of the top bit", alignment_of_the_top_bit, "sydra_free_aligned_sized", UNALIGNED,
    true },
  { "an alignment that it has not, large", alignment_it_has_not_large, "sydra_free_aligned_sized",
    UNALIGNED, true },
  { "an alignment that it has not", alignment_it_has_not, "sydra_free_aligned_sized", UNALIGNED,
    true }
};

void
misuse_add_sizes (Suite *suite)
{
  misuse_add (suite, "sizes and alignments", misuses, sizeof misuses / sizeof misuses[0]);
}
