/* SPDX-License-Identifier: MIT */
/* foreign.c: pointers that are nobody's block, and blocks whose slab is gone. */
#include <config.h>

#include "pages/range.h"
#include "misuse.h"

/* ---- Blocks whose slab is gone ---- */

static void *
gone (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 100));

  sydra_free (a, block);
  (void) sydra_collect (a);
  return block;
}

static void
gone_realloc (struct sydra_alloc *a)
{
  (void) !sydra_realloc (a, gone (a), 200);
}

static void
gone_resize (struct sydra_alloc *a)
{
  (void) sydra_resize (a, gone (a), 50);
}

static void
gone_usable (struct sydra_alloc *a)
{
  (void) sydra_usable_size (a, gone (a));
}

static void
gone_free_sized (struct sydra_alloc *a)
{
  sydra_free_sized (a, gone (a), 100);
}

static void
gone_free_aligned_sized (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, gone (a), 16, 100);
}

/* ---- Pointers that are no block ---- */

static char in_static_memory[4096];

/* Units of the range that were never used, behind a large block. */
static char *
unused_units (struct sydra_alloc *a)
{
  char *behind;

  do
    behind = (char *) must_malloc (a, LARGE) + 3 * UNIT;
  while (behind == sy_range_address (0) + sy_range_bytes ());
  return behind;
}

static void
last_of_the_range (struct sydra_alloc *a)
{
  (void) unused_units (a);
  sydra_free (a, tell (sy_range_address (0) + sy_range_bytes () - 16));
}

static void
behind_the_range (struct sydra_alloc *a)
{
  sydra_free (a, tell (sy_range_address (0) + sy_range_bytes ()));
}

static void
before_the_range (struct sydra_alloc *a)
{
  sydra_free (a, tell (sy_range_address (0) - 1));
}

static void
on_the_stack (struct sydra_alloc *a)
{
  char local[64];

  sydra_free (a, tell (local));
}

static void
in_static (struct sydra_alloc *a)
{
  sydra_free (a, tell (in_static_memory + 64));
}

static void
of_the_c_library (struct sydra_alloc *a)
{
  sydra_free (a, tell (malloc (64)));
}

static void
unmapped_low (struct sydra_alloc *a)
{
  sydra_free (a, tell ((void *) 0x1000));
}

static void
unmapped_high (struct sydra_alloc *a)
{
  sydra_free (a, tell ((void *) (UINTPTR_MAX - 0xfff)));
}

static void
first_call_of_all (struct sydra_alloc *a)
{
  sydra_free (a, tell (in_static_memory));
}

static void
never_handed_out (struct sydra_alloc *a)
{
  sydra_free (a, tell (unused_units (a)));
}

static void
stack_realloc (struct sydra_alloc *a)
{
  char local[64];

  (void) !sydra_realloc (a, tell (local), 100);
}

static void
stack_resize (struct sydra_alloc *a)
{
  char local[64];

  (void) sydra_resize (a, tell (local), 32);
}

static void
stack_usable (struct sydra_alloc *a)
{
  char local[64];

  (void) sydra_usable_size (a, tell (local));
}

static void
stack_free_sized (struct sydra_alloc *a)
{
  char local[64];

  sydra_free_sized (a, tell (local), 64);
}

static void
stack_free_batch (struct sydra_alloc *a)
{
  char local[64];
  void *batch[2] = { NULL, tell (local) };

  sydra_free_batch (a, 2, batch);
}

static void
stack_free_aligned_sized (struct sydra_alloc *a)
{
  char local[64];

  sydra_free_aligned_sized (a, tell (local), 1, 64);
}

static void
null_resize (struct sydra_alloc *a)
{
  (void) sydra_resize (a, (void *) (uintptr_t) tell (NULL), 32);
}

static const struct misuse misuses[] = {
  { "realloc of a block whose slab is gone", gone_realloc, "sydra_realloc", EMPTY, false },
  { "resize of a block whose slab is gone", gone_resize, "sydra_resize", EMPTY, false },
  { "usable size of a block whose slab is gone", gone_usable, "sydra_usable_size", EMPTY, false },
  { "free with a size of a block whose slab is gone", gone_free_sized, "sydra_free_sized", EMPTY,
    false },
  { "aligned free of a block whose slab is gone", gone_free_aligned_sized,
    "sydra_free_aligned_sized", EMPTY, false },
  { "on the stack", on_the_stack, "sydra_free", UNKNOWN, false },
  { "static", in_static, "sydra_free", UNKNOWN, false },
  { "static, as the first call", first_call_of_all, "sydra_free", UNKNOWN, false },
  { "of the C library", of_the_c_library, "sydra_free", UNKNOWN, false },
  { "unmapped, low", unmapped_low, "sydra_free", UNKNOWN, false },
  { "unmapped, high", unmapped_high, "sydra_free", UNKNOWN, false },
  { "never handed out", never_handed_out, "sydra_free", EMPTY, false },
  { "the last of the range", last_of_the_range, "sydra_free", EMPTY, false },
  { "behind the range", behind_the_range, "sydra_free", UNKNOWN, false },
  { "before the range", before_the_range, "sydra_free", UNKNOWN, false },
  { "realloc of the stack", stack_realloc, "sydra_realloc", UNKNOWN, false },
  { "resize of the stack", stack_resize, "sydra_resize", UNKNOWN, false },
  { "usable size of the stack", stack_usable, "sydra_usable_size", UNKNOWN, false },
  { "free with a size, the stack", stack_free_sized, "sydra_free_sized", UNKNOWN, false },
  { "aligned free, the stack", stack_free_aligned_sized, "sydra_free_aligned_sized", UNKNOWN,
    false },
  { "free of a batch, the stack", stack_free_batch, "sydra_free", UNKNOWN, false },
  { "resize of NULL", null_resize, "sydra_resize", "the block is NULL", true }
};

void
misuse_add_foreign (Suite *suite)
{
  misuse_add (suite, "pointers to no block", misuses, sizeof misuses / sizeof misuses[0]);
}
