/* SPDX-License-Identifier: MIT */
/* interior.c: pointers into a block, or to where its slab has none. */
#include <config.h>

#include "pool/bin.h"
#include "misuse.h"

static void
interior (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 16));
  (void) sydra_collect (a);
}

/* Addresses with one of the low four bits set are no block's, but of classes with a smaller
   alignment: each call sees that by itself. */
static void
interior_by_one (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 1));
}

static void
interior_by_eight (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 8));
}

static void
interior_by_eight_after_others (struct sydra_alloc *a)
{
  char *block = must_malloc (a, 1000);

  sydra_free (a, must_malloc (a, 1000));
  sydra_free (a, tell (block + 8));
}

static void
interior_by_eight_medium (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, MEDIUM) + 8));
}

static void
interior_by_eight_in_another_thread (struct sydra_alloc *a)
{
  free_in_a_thread (a, tell ((char *) must_malloc (a, 64) + 8));
}

static void
interior_by_eight_of_a_block_aligned_to_eight (struct sydra_alloc *a)
{
  char *block = sydra_aligned_alloc (a, 8, 24);

  if (block == NULL)
    _exit (4);
  sydra_free (a, tell (block + ((uintptr_t) block % 16 == 0 ? 8 : 16)));
}

static void
interior_by_eight_batch (struct sydra_alloc *a)
{
  void *batch[2] = { must_malloc (a, 64), (char *) tell ((char *) must_malloc (a, 64) + 8) };

  sydra_free_batch (a, 2, batch);
}

static void
interior_by_eight_sized (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell ((char *) must_malloc (a, 64) + 8), 16);
}

static void
interior_by_eight_realloc (struct sydra_alloc *a)
{
  (void) !sydra_realloc (a, tell ((char *) must_malloc (a, 64) + 8), 200);
}

static void
interior_by_eight_resize (struct sydra_alloc *a)
{
  (void) sydra_resize (a, tell ((char *) must_malloc (a, 64) + 8), 16);
}

static void
interior_by_eight_usable (struct sydra_alloc *a)
{
  (void) sydra_usable_size (a, tell ((char *) must_malloc (a, 64) + 8));
}

static void
interior_by_eight_deferred (struct sydra_alloc *a)
{
  (void) sydra_free_deferred (a, must_malloc (a, 64));
  (void) sydra_free_deferred (a, tell ((char *) must_malloc (a, 64) + 8));
}

static void
interior_of_a_class_that_is_no_power_of_two (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 48) + 32));
  (void) sydra_collect (a);
}

static void
behind_the_last_block_of_a_slab (struct sydra_alloc *a)
{
  uintptr_t slab = (uintptr_t) must_malloc (a, 48) & ~(uintptr_t) 0xffff;

  sydra_free (a, tell ((void *) (slab + 0xfff0)));
  (void) sydra_collect (a);
}

static void
interior_in_the_second_unit (struct sydra_alloc *a)
{
  sydra_free (a, tell (in_the_second_unit (a) + 16));
  (void) sydra_collect (a);
}

/* No block of 28 KiB begins at a unit's start, but for the first. */
static void
interior_at_the_second_units_start (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) ((uintptr_t) in_the_second_unit (a) & ~(UNIT - 1))));
  (void) sydra_collect (a);
}

static void
behind_the_last_block_of_a_long_slab (struct sydra_alloc *a)
{
  char *slab = sy_slab_start (sy_slab_of (must_malloc (a, MEDIUM)));

  sydra_free (a, tell (slab + MEDIUM_BLOCKS * MEDIUM));
  (void) sydra_collect (a);
}

static void
not_carved_yet_in_a_long_slab (struct sydra_alloc *a)
{
  char *slab = sy_slab_start (sy_slab_of (must_malloc (a, MEDIUM)));

  sydra_free (a, tell (slab + (MEDIUM_BLOCKS - 1) * MEDIUM));
  (void) sydra_collect (a);
}

static void
interior_at_the_end_of_a_thread (struct sydra_alloc *a)
{
  free_in_a_thread (a, tell ((char *) must_malloc (a, 64) + 16));
}

static void
interior_at_the_end_of_the_handle (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 48));
  (void) sydra_alloc_destroy (a);
}

static void
interior_realloc (struct sydra_alloc *a)
{
  (void) !sydra_realloc (a, tell ((char *) must_malloc (a, 64) + 32), 200);
  (void) sydra_collect (a);
}

/* Its slab is there, but the block was never anybody's. */
static void
not_carved_yet (struct sydra_alloc *a)
{
  uintptr_t slab = (uintptr_t) must_malloc (a, 64) & ~(uintptr_t) 0xffff;

  sydra_free (a, tell ((void *) (slab + 1000 * 64)));
  (void) sydra_collect (a);
}

static void
interior_of_a_large_block (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, LARGE) + 16));
}

static void
interior_at_a_large_blocks_second_unit (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, LARGE) + UNIT));
}

static void
interior_at_the_largest_blocks_second_unit (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, LARGEST) + UNIT));
  (void) sydra_collect (a);
}

static const struct misuse misuses[] = {
  { "interior", interior, "free", MIDDLE, false },
  { "interior by one byte", interior_by_one, "sydra_free", MIDDLE, false },
  { "interior by eight", interior_by_eight, "sydra_free", MIDDLE, false },
  { "interior by eight, a hit", interior_by_eight_after_others, "sydra_free", MIDDLE, false },
  { "interior by eight, medium", interior_by_eight_medium, "sydra_free", MIDDLE, false },
  { "interior by eight, in another thread", interior_by_eight_in_another_thread, "sydra_free",
    MIDDLE, false },
  { "interior by eight, aligned to eight", interior_by_eight_of_a_block_aligned_to_eight,
    "sydra_free", MIDDLE, false },
  { "interior by eight, in a batch", interior_by_eight_batch, "sydra_free", MIDDLE, false },
  { "interior by eight, with a size", interior_by_eight_sized, "sydra_free_sized", MIDDLE, false },
  { "interior by eight, realloc", interior_by_eight_realloc, "sydra_realloc", MIDDLE, false },
  { "interior by eight, resize", interior_by_eight_resize, "sydra_resize", MIDDLE, false },
  { "interior by eight, usable size", interior_by_eight_usable, "sydra_usable_size", MIDDLE,
    false },
  { "interior by eight, deferred", interior_by_eight_deferred, "sydra_free_deferred", MIDDLE,
    false },
  { "interior of 48 bytes", interior_of_a_class_that_is_no_power_of_two, "free", MIDDLE, false },
  { "behind a slab's last block", behind_the_last_block_of_a_slab, "free", MIDDLE, false },
  { "interior in the second unit", interior_in_the_second_unit, "free", MIDDLE, false },
  { "the second unit's start", interior_at_the_second_units_start, "free", MIDDLE, false },
  { "behind a long slab's last block", behind_the_last_block_of_a_long_slab, "free", MIDDLE,
    false },
  { "in a long slab, not carved yet", not_carved_yet_in_a_long_slab, LATER, TWICE, false },
  { "interior, at the end of a thread", interior_at_the_end_of_a_thread, "free", MIDDLE, false },
  { "interior, at the end of the handle", interior_at_the_end_of_the_handle, "free", MIDDLE,
    false },
  { "interior, realloc", interior_realloc, "free", MIDDLE, false },
  { "in a slab, not carved yet", not_carved_yet, LATER, TWICE, false },
  { "interior of a large block", interior_of_a_large_block, "sydra_free", MIDDLE, false },
  { "a large block's second unit", interior_at_a_large_blocks_second_unit, "sydra_free", MIDDLE,
    false },
  { "the largest block's second unit", interior_at_the_largest_blocks_second_unit, "free", MIDDLE,
    false }
};

void
misuse_add_interior (Suite *suite)
{
  misuse_add (suite, "pointers into a block", misuses, sizeof misuses / sizeof misuses[0]);
}
