/* SPDX-License-Identifier: MIT */
/* other_handles.c: blocks of another handle, given to every call that takes a block. */
#include <config.h>

#include "misuse.h"

static void
other_free (struct sydra_alloc *a)
{
  sydra_free (a, tell (must_malloc (handle (), 64)));
}

static void
other_free_medium (struct sydra_alloc *a)
{
  sydra_free (a, tell (in_the_second_unit (handle ())));
}

static void
other_realloc_medium (struct sydra_alloc *a)
{
  (void) !sydra_realloc (a, tell (in_the_second_unit (handle ())), 10);
}

static void
other_free_large (struct sydra_alloc *a)
{
  sydra_free (a, tell (must_malloc (handle (), LARGE)));
}

static void
other_realloc (struct sydra_alloc *a)
{
  (void) !sydra_realloc (a, tell (must_malloc (handle (), 64)), 100);
}

static void
other_resize (struct sydra_alloc *a)
{
  (void) sydra_resize (a, tell (must_malloc (handle (), 64)), 32);
}

static void
other_usable (struct sydra_alloc *a)
{
  (void) sydra_usable_size (a, tell (must_malloc (handle (), 64)));
}

static void
other_free_sized (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (handle (), 64)), 64);
}

/* The thread's last cache is the right handle's. */
static void
other_free_after_our_own (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (handle (), 64));

  sydra_free (a, must_malloc (a, 64));
  sydra_free (a, block);
}

static void
other_free_batch (struct sydra_alloc *a)
{
  void *batch[2] = { must_malloc (a, 64), tell (must_malloc (handle (), 64)) };

  sydra_free_batch (a, 2, batch);
}

static void
other_free_aligned_sized (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, tell (must_malloc (handle (), 64)), 16, 64);
}

static void
other_realloc_large (struct sydra_alloc *a)
{
  (void) !sydra_realloc (a, tell (must_malloc (handle (), LARGE)), 2 * LARGE);
}

static void
other_resize_large (struct sydra_alloc *a)
{
  (void) sydra_resize (a, tell (must_malloc (handle (), LARGE)), LARGE / 2);
}

static void
other_usable_large (struct sydra_alloc *a)
{
  (void) sydra_usable_size (a, tell (must_malloc (handle (), LARGE)));
}

static void
other_free_sized_large (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (handle (), LARGE)), LARGE);
}

static void
other_by_resize_of_its_value (struct sydra_alloc *a)
{
  struct sydra_allocator value = sydra_alloc_interface (a);

  (void) value.resize (value.ctx, tell (must_malloc (handle (), 64)), 64, 16, 32);
}

static void
other_by_remap_of_its_value (struct sydra_alloc *a)
{
  struct sydra_allocator value = sydra_alloc_interface (a);

  (void) !value.remap (value.ctx, tell (must_malloc (handle (), 64)), 64, 64, 200);
}

static void
other_by_its_value (struct sydra_alloc *a)
{
  struct sydra_allocator value = sydra_alloc_interface (a);

  value.free (value.ctx, tell (must_malloc (handle (), 64)), 64, 16);
}

static void
of_a_handle_that_is_gone (struct sydra_alloc *a)
{
  struct sydra_alloc *other = handle ();
  void *block = tell (must_malloc (other, 64));

  (void) sydra_alloc_destroy (other);
  sydra_free (a, block);
}

static const struct misuse misuses[] = {
  { "another handle's: free", other_free, "sydra_free", OTHER, false },
  { "another handle's: free, medium", other_free_medium, "sydra_free", OTHER, false },
  { "another handle's: realloc, medium", other_realloc_medium, "sydra_realloc", OTHER, false },
  { "another handle's: free, large", other_free_large, "sydra_free", OTHER, false },
  { "another handle's: free after our own", other_free_after_our_own, "sydra_free", OTHER, false },
  { "another handle's: free of a batch", other_free_batch, "sydra_free", OTHER, false },
  { "another handle's: aligned free", other_free_aligned_sized, "sydra_free_aligned_sized", OTHER,
    false },
  { "another handle's: realloc, large", other_realloc_large, "sydra_realloc", OTHER, false },
  { "another handle's: resize, large", other_resize_large, "sydra_resize", OTHER, false },
  { "another handle's: usable size, large", other_usable_large, "sydra_usable_size", OTHER,
    false },
  { "another handle's: free with a size, large", other_free_sized_large, "sydra_free_sized",
    OTHER, false },
  { "another handle's: resize by its value", other_by_resize_of_its_value, "sydra_resize", OTHER,
    false },
  { "another handle's: remap by its value", other_by_remap_of_its_value, "sydra_usable_size", OTHER,
    false },
  { "another handle's: realloc", other_realloc, "sydra_realloc", OTHER, false },
  { "another handle's: resize", other_resize, "sydra_resize", OTHER, false },
  { "another handle's: usable size", other_usable, "sydra_usable_size", OTHER, false },
  { "another handle's: free with a size", other_free_sized, "sydra_free_sized", OTHER, false },
  { "another handle's: by its value", other_by_its_value, "sydra_free_aligned_sized", OTHER,
    false },
  { "a dead handle's block", of_a_handle_that_is_gone, "sydra_free", EMPTY, false }
};

void
misuse_add_other_handles (Suite *suite)
{
  misuse_add (suite, "blocks of another handle", misuses, sizeof misuses / sizeof misuses[0]);
}
