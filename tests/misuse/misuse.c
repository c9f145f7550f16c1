/* SPDX-License-Identifier: MIT */
/*
 * misuse.c: what is wrong ends the process, with one line that names the call, the pointer and the fault.  Each case is a child.
 *
 * A child says in `told` which pointer the line must name.  What only the slabs can see is found when the magazine is flushed; debug
 * builds look at once, and then the line names the public call.
 */
#include <config.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pool/region.h"
#include "sydra/alloc.h"
#include "suite.h"
#include "unit/child.h"

/* Larger than any block of a pool. */
#define LARGE ((size_t) 40000)
/* The pool's blocks of this size lie in slabs of eight units of 64 KiB. */
#define MEDIUM ((size_t) 24576)
#define UNIT ((size_t) 65536)

static const void **told;

static void *
tell (const void *pointer)
{
  *told = pointer;
  return (void *) (uintptr_t) pointer;
}

static struct sydra_alloc *
handle (void)
{
  struct sydra_alloc *a = sydra_alloc_create (NULL);

  if (a == NULL)
    _exit (3);
  return a;
}

static void *
must_malloc (struct sydra_alloc *a, size_t size)
{
  void *block = sydra_malloc (a, size);

  if (block == NULL)
    _exit (4);
  return block;
}

/* ---- Blocks freed twice ---- */

static void
twice_in_a_row (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 40));

  sydra_free (a, block);
  sydra_free (a, block);
}

static void
twice_with_one_between (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 40)), *other = must_malloc (a, 40);

  sydra_free (a, block);
  sydra_free (a, other);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

/* So many that the block lies in a depot, where debug builds do not look either. */
static void
twice_with_many_between (struct sydra_alloc *a)
{
  enum { OTHERS = 3000 };
  static void *others[OTHERS];
  void *block = tell (must_malloc (a, 16));

  for (unsigned at = 0; at < OTHERS; at++)
    others[at] = must_malloc (a, 16);
  sydra_free (a, block);
  sydra_free_batch (a, OTHERS, others);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static void
twice_with_a_flush_between (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 100));

  (void) must_malloc (a, 100);  /* keeps the slab */
  sydra_free (a, block);
  (void) sydra_collect (a);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static void
twice_when_its_slab_is_gone (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 100));

  sydra_free (a, block);
  (void) sydra_collect (a);
  sydra_free (a, block);
}

struct loan
{
  struct sydra_alloc *a;
  void *block;
};

static void *
free_it (void *argument)
{
  struct loan *loan = argument;

  sydra_free (loan->a, loan->block);
  return NULL;
}

static void
free_in_a_thread (struct sydra_alloc *a, void *block)
{
  struct loan loan = { a, block };
  pthread_t thread;

  if (pthread_create (&thread, NULL, free_it, &loan) != 0 || pthread_join (thread, NULL) != 0)
    _exit (5);
}

static void
twice_first_in_another_thread (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) must_malloc (a, 64);
  free_in_a_thread (a, block);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static void
twice_second_in_another_thread (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) must_malloc (a, 64);
  sydra_free (a, block);
  (void) sydra_collect (a);
  free_in_a_thread (a, block);
}

static void
twice_in_two_threads (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) must_malloc (a, 64);
  free_in_a_thread (a, block);
  free_in_a_thread (a, block);
}

static void
twice_in_one_batch (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64)), *batch[3] = { block, must_malloc (a, 64), block };

  sydra_free_batch (a, 3, batch);
  (void) sydra_collect (a);
}

static void
twice_of_a_medium_block (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, MEDIUM)), *other = must_malloc (a, MEDIUM);

  sydra_free (a, block);
  sydra_free (a, other);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

/* Full magazines of medium blocks are few and soon in the depot, and the depot has soon its fill. */
static void
twice_of_a_medium_block_by_frees_alone (struct sydra_alloc *a)
{
  static void *blocks[400];

  for (unsigned at = 0; at < 400; at++)
    blocks[at] = must_malloc (a, MEDIUM);
  sydra_free_batch (a, 300, blocks);
  sydra_free (a, tell (blocks[300]));
  sydra_free (a, blocks[301]);
  sydra_free (a, blocks[300]);
  sydra_free_batch (a, 98, blocks + 302);
  for (unsigned round = 0; round < 50; round++)
    {
      for (unsigned at = 0; at < 400; at++)
        blocks[at] = must_malloc (a, MEDIUM);
      sydra_free_batch (a, 400, blocks);
    }
}

static void
twice_of_a_large_block (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  sydra_free (a, block);
}

static void
freed_then_realloced_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  (void) !sydra_realloc (a, block, 2 * LARGE);
}

static void
freed_then_asked_for_its_size (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  (void) sydra_usable_size (a, block);
}

static void
twice_at_the_end_of_the_handle (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64)), *other = must_malloc (a, 64);

  sydra_free (a, block);
  sydra_free (a, other);
  sydra_free (a, block);
  (void) sydra_alloc_destroy (a);
}

/* No call that flushes: a magazine that the depot has no room for goes to the slabs. */
static void
twice_found_by_frees_alone (struct sydra_alloc *a)
{
  static void *blocks[40000];

  for (unsigned at = 0; at < 40000; at++)
    blocks[at] = must_malloc (a, 256);
  sydra_free_batch (a, 32000, blocks);
  sydra_free (a, tell (blocks[32000]));
  sydra_free (a, blocks[32001]);
  sydra_free (a, blocks[32000]);
  sydra_free_batch (a, 7998, blocks + 32002);
  /* A depot that was emptied meanwhile took it in; it comes back, twice at a time. */
  for (unsigned round = 0; round < 50; round++)
    {
      for (unsigned at = 0; at < 40000; at++)
        blocks[at] = must_malloc (a, 256);
      sydra_free_batch (a, 40000, blocks);
    }
}

static void
twice_by_a_sized_free (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  sydra_free (a, block);
  sydra_free_sized (a, block, 64);
}

static void
twice_by_realloc (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 40));

  if (sydra_realloc (a, block, 200) == block)
    _exit (6);
  sydra_free (a, block);
}

static void
twice_by_realloc_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  if (sydra_realloc (a, block, 40) == block)
    _exit (6);
  sydra_free (a, block);
}

static pthread_key_t key;
static struct sydra_alloc *key_handle;
static void *key_block;
static unsigned key_passes;

/* Frees the block in the first pass and in the last that tools leave us, when the library has taken leave of the thread. */
static void
free_in_the_last_pass (void *value)
{
  key_passes++;
  if (key_passes == 1 || key_passes == (SY_THREAD_SANITIZER ? 3 : 4))
    sydra_free (key_handle, key_block);
  (void) pthread_setspecific (key, value);
}

static void *
set_the_key (void *value)
{
  key_block = tell (must_malloc (key_handle, 64));
  (void) must_malloc (key_handle, 64);  /* keeps the slab */
  (void) pthread_setspecific (key, value);
  return NULL;
}

static void
twice_in_a_destructor (struct sydra_alloc *a)
{
  pthread_t thread;

  key_handle = a;
  if (pthread_key_create (&key, free_in_the_last_pass) != 0 || pthread_create (&thread, NULL, set_the_key, &key) != 0
      || pthread_join (thread, NULL) != 0)
    _exit (5);
}

/* ---- Blocks used when their slab is gone ---- */

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

static void
interior (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 16));
  (void) sydra_collect (a);
}

/* Addresses with one of the low four bits set are no block's, but of classes with a smaller alignment: each call sees that by itself. */
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

/* The first block that begins in the second unit of its slab. */
static char *
in_the_second_unit (struct sydra_alloc *a)
{
  for (;;)
    {
      char *block = must_malloc (a, MEDIUM);
      size_t offset = (size_t) (block - sy_region_address (sy_region_slab_of (block)));

      if (offset / UNIT == 1)
        return block;
    }
}

static void
interior_in_the_second_unit (struct sydra_alloc *a)
{
  sydra_free (a, tell (in_the_second_unit (a) + 16));
  (void) sydra_collect (a);
}

/* No block of 24 KiB begins at a unit's start, but for the fourth's and the seventh's. */
static void
interior_at_the_second_units_start (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) ((uintptr_t) in_the_second_unit (a) & ~(UNIT - 1))));
  (void) sydra_collect (a);
}

static void
behind_the_last_block_of_a_long_slab (struct sydra_alloc *a)
{
  char *slab = sy_region_address (sy_region_slab_of (must_malloc (a, MEDIUM)));

  sydra_free (a, tell (slab + 8 * UNIT / MEDIUM * MEDIUM));
  (void) sydra_collect (a);
}

static void
not_carved_yet_in_a_long_slab (struct sydra_alloc *a)
{
  char *slab = sy_region_address (sy_region_slab_of (must_malloc (a, MEDIUM)));

  sydra_free (a, tell (slab + 15 * MEDIUM));
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
last_of_the_range (struct sydra_alloc *a)
{
  sydra_free (a, tell (sy_region.base + sy_region.bytes - 16));
}

static void
behind_the_range (struct sydra_alloc *a)
{
  sydra_free (a, tell (sy_region.base + sy_region.bytes));
}

static void
before_the_range (struct sydra_alloc *a)
{
  sydra_free (a, tell (sy_region.base - 1));
}

static void
interior_of_a_large_block (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, LARGE) + 16));
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
  sydra_free (a, tell ((void *) (((uintptr_t) must_malloc (a, 64) & ~(uintptr_t) 0xffff) + ((uintptr_t) 1 << 26))));
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

/* ---- Blocks of another handle ---- */

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

/* ---- Sections and deferred blocks ---- */

static void
leave_without_enter (struct sydra_alloc *a)
{
  sydra_epoch_leave (tell (a), 1);
}

static void
leave_twice (struct sydra_alloc *a)
{
  uint64_t epoch = sydra_epoch_enter (a);

  sydra_epoch_leave (tell (a), epoch);
  sydra_epoch_leave (a, epoch);
}

static void
leave_with_a_value_of_ones_own (struct sydra_alloc *a)
{
  sydra_epoch_leave (tell (a), sydra_epoch_enter (a) + 1);
}

static void
leave_with_all_ones (struct sydra_alloc *a)
{
  (void) sydra_epoch_enter (a);
  sydra_epoch_leave (tell (a), UINT64_MAX);
}

static void
leave_with_an_older_value (struct sydra_alloc *a)
{
  uint64_t epoch = sydra_epoch_enter (a);

  sydra_epoch_leave (a, epoch);
  (void) sydra_epoch_advance (a);
  (void) sydra_epoch_enter (a);
  sydra_epoch_leave (tell (a), epoch);
}

static void
leave_another_handles_section (struct sydra_alloc *a)
{
  struct sydra_alloc *other = handle ();

  sydra_epoch_leave (tell (a), sydra_epoch_enter (other));
}

static void
defer_the_stack (struct sydra_alloc *a)
{
  char local[32];

  (void) sydra_free_deferred (a, tell (local + 16));
}

static void
defer_another_handles (struct sydra_alloc *a)
{
  (void) sydra_free_deferred (a, tell (must_malloc (handle (), 64)));
}

static void
defer_another_handles_large (struct sydra_alloc *a)
{
  (void) sydra_free_deferred (a, tell (must_malloc (handle (), LARGE)));
}

static void
defer_twice_in_a_row (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
}

/* Blocks of the largest class are soon enough to look for what may go. */
static void
defer_twice_when_it_was_freed (struct sydra_alloc *a)
{
  struct sydra_stats stats = { .size = sizeof stats };
  void *block = tell (must_malloc (a, 32768));

  (void) sydra_free_deferred (a, block);
  do
    {
      (void) sydra_free_deferred (a, must_malloc (a, 32768));
      (void) sydra_stats_get (a, &stats);
    }
  while (stats.deferred_reclaimed == 0);
  (void) sydra_free_deferred (a, block);
  (void) sydra_collect (a);
}

static pthread_barrier_t all_there;

static void *
stay (void *a)
{
  sydra_free (a, must_malloc (a, 64));
  pthread_barrier_wait (&all_there);
  for (;;)
    (void) pause ();
  return NULL;
}

/* Where threads are several, a bag takes more than one block over 32 KiB: it is sealed at 32 KiB for each of up to four. */
static void
make_bags_of_several (struct sydra_alloc *a)
{
  pthread_t thread;

  if (pthread_barrier_init (&all_there, NULL, 4) != 0)
    _exit (5);
  for (unsigned at = 0; at < 3; at++)
    if (pthread_create (&thread, NULL, stay, a) != 0)
      _exit (5);
  pthread_barrier_wait (&all_there);
  (void) sydra_free_deferred (a, must_malloc (a, 64));
  (void) sydra_collect (a);
}

static void
defer_twice_in_a_row_large (struct sydra_alloc *a)
{
  void *block;

  make_bags_of_several (a);
  block = tell (must_malloc (a, LARGE));
  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
}

/* It fills a bag alone, and is freed before the second call. */
static void
defer_twice_when_it_is_freed_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, block);
}

static void
defer_what_is_gone_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  (void) sydra_free_deferred (a, block);
}

static void
defer_twice_with_one_between (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64)), *other = must_malloc (a, 64);

  (void) sydra_free_deferred (a, block);
  (void) sydra_free_deferred (a, other);
  (void) sydra_free_deferred (a, block);
  (void) sydra_collect (a);
}

static void
free_what_is_deferred (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) sydra_free_deferred (a, block);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

/* ---- Sizes and alignments that cannot be ---- */

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

  while (((uintptr_t) block & 65535) == 0)
    block = must_malloc (a, LARGE);
  sydra_free_aligned_sized (a, tell (block), 65536, LARGE);
}

#define TWICE "block freed twice"
#define MIDDLE "points into the middle of a block"
#define UNKNOWN "no block of this handle: not allocated by it, or freed already"
#define EMPTY "no block: in a part of the pool that holds none now (freed already?)"
#define OTHER "a block of another handle"
#define SMALLER "the block is smaller than the size given"
#define UNALIGNED "the block cannot have the alignment given"
/* Seen when a magazine is flushed; at once in a debug build. */
#define NO_SECTION "the thread is in no section that was entered with this value"
#define DEFERRED_TWICE "block deferred twice"
#define WAITING "the block is deferred: it is freed when no reader can see it any more"
#define DEFERRED_LATER (SY_DEBUG ? "sydra_free_deferred" : "free")
#define LATER (SY_DEBUG ? "sydra_free" : "free")

static const struct misuse
{
  const char *name;
  void (*body) (struct sydra_alloc *a);
  const char *call, *what;
  bool every_mode;  /* the other modes' heaps do not know what is a block of theirs */
} misuses[] = {
  { "freed twice in a row", twice_in_a_row, "sydra_free", TWICE, false },
  { "freed twice, another block between", twice_with_one_between, LATER, TWICE, false },
  { "freed twice, many blocks between", twice_with_many_between, "free", TWICE, false },
  { "freed twice, a flush between", twice_with_a_flush_between, LATER, TWICE, false },
  { "freed twice, its slab empty", twice_when_its_slab_is_gone, "sydra_free", EMPTY, false },
  { "freed twice, first in another thread", twice_first_in_another_thread, LATER, TWICE, false },
  { "freed twice, then in another thread", twice_second_in_another_thread, LATER, TWICE, false },
  { "freed twice in two threads", twice_in_two_threads, LATER, TWICE, false },
  { "freed twice in one batch", twice_in_one_batch, LATER, TWICE, false },
  { "freed twice, medium", twice_of_a_medium_block, LATER, TWICE, false },
  { "freed twice, medium, found by frees alone", twice_of_a_medium_block_by_frees_alone, LATER, TWICE, false },
  { "freed twice, large", twice_of_a_large_block, "sydra_free", UNKNOWN, false },
  { "freed and realloced, large", freed_then_realloced_large, "sydra_realloc", UNKNOWN, false },
  { "freed and asked for its size, large", freed_then_asked_for_its_size, "sydra_usable_size", UNKNOWN, false },
  { "freed twice, the handle destroyed", twice_at_the_end_of_the_handle, LATER, TWICE, false },
  { "freed twice, frees alone", twice_found_by_frees_alone, LATER, TWICE, false },
  { "freed twice, with a size", twice_by_a_sized_free, "sydra_free", TWICE, false },
  { "moved by realloc and freed", twice_by_realloc, "sydra_free", TWICE, false },
  { "moved by realloc and freed, large", twice_by_realloc_large, "sydra_free", UNKNOWN, false },
  { "freed twice, in the last pass of destructors", twice_in_a_destructor, "free", TWICE, false },
  { "realloc of a block whose slab is gone", gone_realloc, "sydra_realloc", EMPTY, false },
  { "resize of a block whose slab is gone", gone_resize, "sydra_resize", EMPTY, false },
  { "usable size of a block whose slab is gone", gone_usable, "sydra_usable_size", EMPTY, false },
  { "free with a size of a block whose slab is gone", gone_free_sized, "sydra_free_sized", EMPTY, false },
  { "aligned free of a block whose slab is gone", gone_free_aligned_sized, "sydra_free_aligned_sized", EMPTY, false },
  { "interior", interior, "free", MIDDLE, false },
  { "interior by one byte", interior_by_one, "sydra_free", MIDDLE, false },
  { "interior by eight", interior_by_eight, "sydra_free", MIDDLE, false },
  { "interior by eight, a hit", interior_by_eight_after_others, "sydra_free", MIDDLE, false },
  { "interior by eight, medium", interior_by_eight_medium, "sydra_free", MIDDLE, false },
  { "interior by eight, in another thread", interior_by_eight_in_another_thread, "sydra_free", MIDDLE, false },
  { "interior by eight, aligned to eight", interior_by_eight_of_a_block_aligned_to_eight, "sydra_free", MIDDLE, false },
  { "interior by eight, in a batch", interior_by_eight_batch, "sydra_free", MIDDLE, false },
  { "interior by eight, with a size", interior_by_eight_sized, "sydra_free_sized", MIDDLE, false },
  { "interior by eight, realloc", interior_by_eight_realloc, "sydra_realloc", MIDDLE, false },
  { "interior by eight, resize", interior_by_eight_resize, "sydra_resize", MIDDLE, false },
  { "interior by eight, usable size", interior_by_eight_usable, "sydra_usable_size", MIDDLE, false },
  { "interior by eight, deferred", interior_by_eight_deferred, "sydra_free_deferred", MIDDLE, false },
  { "interior of 48 bytes", interior_of_a_class_that_is_no_power_of_two, "free", MIDDLE, false },
  { "behind a slab's last block", behind_the_last_block_of_a_slab, "free", MIDDLE, false },
  { "interior in the second unit", interior_in_the_second_unit, "free", MIDDLE, false },
  { "the second unit's start", interior_at_the_second_units_start, "free", MIDDLE, false },
  { "behind a long slab's last block", behind_the_last_block_of_a_long_slab, "free", MIDDLE, false },
  { "in a long slab, not carved yet", not_carved_yet_in_a_long_slab, LATER, TWICE, false },
  { "interior, at the end of a thread", interior_at_the_end_of_a_thread, "free", MIDDLE, false },
  { "interior, at the end of the handle", interior_at_the_end_of_the_handle, "free", MIDDLE, false },
  { "interior, realloc", interior_realloc, "free", MIDDLE, false },
  { "in a slab, not carved yet", not_carved_yet, LATER, TWICE, false },
  { "interior of a large block", interior_of_a_large_block, "sydra_free", UNKNOWN, false },
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
  { "aligned free, the stack", stack_free_aligned_sized, "sydra_free_aligned_sized", UNKNOWN, false },
  { "free of a batch, the stack", stack_free_batch, "sydra_free", UNKNOWN, false },
  { "resize of NULL", null_resize, "sydra_resize", "the block is NULL", true },
  { "another handle's: free", other_free, "sydra_free", OTHER, false },
  { "another handle's: free, medium", other_free_medium, "sydra_free", OTHER, false },
  { "another handle's: realloc, medium", other_realloc_medium, "sydra_realloc", OTHER, false },
  { "another handle's: free, large", other_free_large, "sydra_free", UNKNOWN, false },
  { "another handle's: free after our own", other_free_after_our_own, "sydra_free", OTHER, false },
  { "another handle's: free of a batch", other_free_batch, "sydra_free", OTHER, false },
  { "another handle's: aligned free", other_free_aligned_sized, "sydra_free_aligned_sized", OTHER, false },
  { "another handle's: realloc, large", other_realloc_large, "sydra_realloc", UNKNOWN, false },
  { "another handle's: resize, large", other_resize_large, "sydra_resize", UNKNOWN, false },
  { "another handle's: usable size, large", other_usable_large, "sydra_usable_size", UNKNOWN, false },
  { "another handle's: free with a size, large", other_free_sized_large, "sydra_free_sized", UNKNOWN, false },
  { "another handle's: resize by its value", other_by_resize_of_its_value, "sydra_resize", OTHER, false },
  { "another handle's: remap by its value", other_by_remap_of_its_value, "sydra_usable_size", OTHER, false },
  { "another handle's: realloc", other_realloc, "sydra_realloc", OTHER, false },
  { "another handle's: resize", other_resize, "sydra_resize", OTHER, false },
  { "another handle's: usable size", other_usable, "sydra_usable_size", OTHER, false },
  { "another handle's: free with a size", other_free_sized, "sydra_free_sized", OTHER, false },
  { "another handle's: by its value", other_by_its_value, "sydra_free_aligned_sized", OTHER, false },
  { "a dead handle's block", of_a_handle_that_is_gone, "sydra_free", EMPTY, false },
  { "leave without enter", leave_without_enter, "sydra_epoch_leave", NO_SECTION, true },
  { "leave twice", leave_twice, "sydra_epoch_leave", NO_SECTION, true },
  { "leave with a value of one's own", leave_with_a_value_of_ones_own, "sydra_epoch_leave", NO_SECTION, true },
  { "leave with all ones", leave_with_all_ones, "sydra_epoch_leave", NO_SECTION, true },
  { "leave with an older value", leave_with_an_older_value, "sydra_epoch_leave", NO_SECTION, true },
  { "leave another handle's section", leave_another_handles_section, "sydra_epoch_leave", NO_SECTION, true },
  { "the stack deferred", defer_the_stack, "sydra_free_deferred", UNKNOWN, false },
  { "another handle's deferred", defer_another_handles, "sydra_free_deferred", OTHER, false },
  { "another handle's deferred, large", defer_another_handles_large, "sydra_free_deferred", UNKNOWN, false },
  { "deferred twice in a row", defer_twice_in_a_row, "sydra_free_deferred", DEFERRED_TWICE, true },
  { "deferred twice, freed between", defer_twice_when_it_was_freed, LATER, TWICE, false },
  { "deferred twice in a row, large", defer_twice_in_a_row_large, "sydra_free_deferred", DEFERRED_TWICE, true },
  { "deferred twice, large, freed between", defer_twice_when_it_is_freed_large, "sydra_free_deferred", UNKNOWN, false },
  { "deferred when gone, large", defer_what_is_gone_large, "sydra_free_deferred", UNKNOWN, false },
  { "deferred twice with one between", defer_twice_with_one_between, DEFERRED_LATER, SY_DEBUG ? DEFERRED_TWICE : TWICE, false },
  { "freed while deferred", free_what_is_deferred, LATER, SY_DEBUG ? WAITING : TWICE, false },
  { "too big a size", too_big_a_size, "sydra_free_sized", SMALLER, true },
  { "too big a size, medium", too_big_a_size_medium, "sydra_free_sized", SMALLER, false },
  { "too big a size, large", too_big_a_size_large, "sydra_free_sized", SMALLER, true },
  { "a size of all", a_size_of_all, "sydra_free_sized", SMALLER, true },
  { "too big a size, aligned", too_big_an_aligned_size, "sydra_free_aligned_sized", SMALLER, true },
  { "an alignment of 24", no_power_of_two, "sydra_free_aligned_sized", UNALIGNED, true },
  { "an alignment of 0", alignment_of_zero, "sydra_free_aligned_sized", UNALIGNED, true },
  { "an alignment of the top bit", alignment_of_the_top_bit, "sydra_free_aligned_sized", UNALIGNED, true },
  { "an alignment that it has not, large", alignment_it_has_not_large, "sydra_free_aligned_sized", UNALIGNED, true },
  { "an alignment that it has not", alignment_it_has_not, "sydra_free_aligned_sized", UNALIGNED, true }
};

static int
commit_misuse (void *argument)
{
  const struct misuse *misuse = argument;

  alarm (20);
  misuse->body (handle ());
  return 0;
}

/* The child ended by abort with the one line. */
static void
must_be_told (const char *name, int (*body) (void *argument), const void *argument, const char *call, const char *what)
{
  struct child child = child_run (body, (void *) (uintptr_t) argument);
  char line[512], pointer[32] = "0x0";

  if (*told != NULL)
    snprintf (pointer, sizeof pointer, "%p", *told);
  snprintf (line, sizeof line, "sydra-alloc: %s: %s: %s\n", call, pointer, what);
  ck_assert_msg (strcmp (child.text, line) == 0, "%s: said '%s', not '%s'", name, child.text, line);
  ck_assert_msg (WIFSIGNALED (child.status) && WTERMSIG (child.status) == SIGABRT, "%s: status %x", name, (unsigned) child.status);
}

START_TEST (a_block_misused_ends_the_process_with_one_line)
{
  const struct misuse *misuse = &misuses[_i];

  must_be_told (misuse->name, commit_misuse, misuse, misuse->call, misuse->what);
}
END_TEST

/* ---- Handles: every call, with a handle that is none ---- */

static void c_destroy (struct sydra_alloc *a) { (void) sydra_alloc_destroy (a); }
static void c_malloc (struct sydra_alloc *a) { (void) !sydra_malloc (a, 8); }
static void c_malloc_large (struct sydra_alloc *a) { (void) !sydra_malloc (a, LARGE); }
static void c_calloc (struct sydra_alloc *a) { (void) !sydra_calloc (a, 1, 8); }
static void c_realloc (struct sydra_alloc *a) { (void) !sydra_realloc (a, in_static_memory, 8); }
static void c_aligned (struct sydra_alloc *a) { (void) !sydra_aligned_alloc (a, 64, 8); }
static void c_free (struct sydra_alloc *a) { sydra_free (a, in_static_memory); }
static void c_free_null (struct sydra_alloc *a) { sydra_free (a, NULL); }
static void c_free_sized (struct sydra_alloc *a) { sydra_free_sized (a, in_static_memory, 8); }
static void c_free_aligned (struct sydra_alloc *a) { sydra_free_aligned_sized (a, in_static_memory, 8, 8); }
static void c_resize (struct sydra_alloc *a) { (void) sydra_resize (a, in_static_memory, 8); }
static void c_usable (struct sydra_alloc *a) { (void) sydra_usable_size (a, in_static_memory); }
static void c_good (struct sydra_alloc *a) { (void) sydra_good_size (a, 8); }
static void c_owns (struct sydra_alloc *a) { (void) sydra_owns (a, in_static_memory); }
static void c_interface (struct sydra_alloc *a) { (void) sydra_alloc_interface (a); }
static void c_enter (struct sydra_alloc *a) { (void) sydra_epoch_enter (a); }
static void c_leave (struct sydra_alloc *a) { sydra_epoch_leave (a, 1); }
static void c_advance (struct sydra_alloc *a) { (void) sydra_epoch_advance (a); }
static void c_synchronize (struct sydra_alloc *a) { (void) sydra_epoch_synchronize (a); }
static void c_defer (struct sydra_alloc *a) { (void) sydra_free_deferred (a, in_static_memory); }
static void c_defer_null (struct sydra_alloc *a) { (void) sydra_free_deferred (a, NULL); }
static void c_collect (struct sydra_alloc *a) { (void) sydra_collect (a); }

static void c_realloc_null (struct sydra_alloc *a) { (void) !sydra_realloc (a, NULL, 8); }
static void c_free_sized_null (struct sydra_alloc *a) { sydra_free_sized (a, NULL, 8); }
static void c_free_aligned_null (struct sydra_alloc *a) { sydra_free_aligned_sized (a, NULL, 8, 8); }
static void c_usable_null (struct sydra_alloc *a) { (void) sydra_usable_size (a, NULL); }
static void c_malloc_batch_none (struct sydra_alloc *a) { (void) sydra_malloc_batch (a, 8, 0, NULL); }
static void c_free_batch_none (struct sydra_alloc *a) { sydra_free_batch (a, 0, NULL); }

/* A value outlives its handle, or its ctx is none. */
static struct sydra_allocator
value_of (struct sydra_alloc *a)
{
  struct sydra_allocator value = sydra_alloc_interface (sydra_alloc_default ());

  value.ctx = a;
  return value;
}

static void c_value_alloc (struct sydra_alloc *a) { (void) !value_of (a).alloc (a, 8, 8); }
static void c_value_resize (struct sydra_alloc *a) { (void) value_of (a).resize (a, in_static_memory, 8, 8, 4); }
static void c_value_remap (struct sydra_alloc *a) { (void) !value_of (a).remap (a, in_static_memory, 8, 8, 16); }
static void c_value_remap_aligned (struct sydra_alloc *a) { (void) !value_of (a).remap (a, in_static_memory, 8, 64, 16); }
static void c_value_free (struct sydra_alloc *a) { value_of (a).free (a, in_static_memory, 8, 8); }

static void
c_malloc_batch (struct sydra_alloc *a)
{
  void *blocks[2];

  (void) sydra_malloc_batch (a, 8, 2, blocks);
}

static void
c_free_batch (struct sydra_alloc *a)
{
  void *blocks[2] = { NULL, NULL };

  sydra_free_batch (a, 2, blocks);
}

static void
c_stats_get (struct sydra_alloc *a)
{
  struct sydra_stats stats;

  stats.size = sizeof stats;
  (void) sydra_stats_get (a, &stats);
}

static int
swallow (void *ctx, const char *text, size_t length)
{
  (void) ctx;
  (void) text;
  (void) length;
  return 0;
}

static void
c_stats_write (struct sydra_alloc *a)
{
  (void) sydra_stats_write (a, SYDRA_STATS_TEXT, swallow, NULL);
}

static const struct call
{
  const char *name;
  void (*body) (struct sydra_alloc *a);
} calls[] = {
  { "sydra_alloc_destroy", c_destroy }, { "sydra_malloc", c_malloc }, { "sydra_malloc", c_malloc_large }, { "sydra_calloc", c_calloc },
  { "sydra_realloc", c_realloc }, { "sydra_aligned_alloc", c_aligned }, { "sydra_free", c_free }, { "sydra_free", c_free_null },
  { "sydra_free_sized", c_free_sized }, { "sydra_free_aligned_sized", c_free_aligned }, { "sydra_resize", c_resize },
  { "sydra_usable_size", c_usable }, { "sydra_good_size", c_good }, { "sydra_owns", c_owns }, { "sydra_malloc_batch", c_malloc_batch },
  { "sydra_free_batch", c_free_batch }, { "sydra_alloc_interface", c_interface }, { "sydra_collect", c_collect },
  { "sydra_stats_get", c_stats_get }, { "sydra_stats_write", c_stats_write }, { "sydra_realloc", c_realloc_null },
  { "sydra_free_sized", c_free_sized_null }, { "sydra_free_aligned_sized", c_free_aligned_null }, { "sydra_usable_size", c_usable_null },
  { "sydra_malloc_batch", c_malloc_batch_none }, { "sydra_free_batch", c_free_batch_none }, { "sydra_aligned_alloc", c_value_alloc },
  { "sydra_resize", c_value_resize }, { "sydra_realloc", c_value_remap }, { "sydra_usable_size", c_value_remap_aligned },
  { "sydra_free_aligned_sized", c_value_free }, { "sydra_epoch_enter", c_enter }, { "sydra_epoch_leave", c_leave },
  { "sydra_epoch_advance", c_advance }, { "sydra_epoch_synchronize", c_synchronize }, { "sydra_free_deferred", c_defer },
  { "sydra_free_deferred", c_defer_null }
};

static int
call_null (void *argument)
{
  (void) tell (NULL);
  ((const struct call *) argument)->body (NULL);
  return 0;
}

static int
call_destroyed (void *argument)
{
  struct sydra_alloc *a = handle ();

  (void) must_malloc (a, 8);
  (void) sydra_alloc_destroy (a);
  ((const struct call *) argument)->body (tell (a));
  return 0;
}

static int
call_static (void *argument)
{
  (void) must_malloc (handle (), 8);
  ((const struct call *) argument)->body (tell (in_static_memory));
  return 0;
}

static int
call_inside_a_handle (void *argument)
{
  ((const struct call *) argument)->body (tell ((char *) handle () + 8));
  return 0;
}

/* No handle was ever made. */
static int
call_first (void *argument)
{
  ((const struct call *) argument)->body (tell (in_static_memory));
  return 0;
}

static int
call_unmapped (void *argument)
{
  (void) handle ();
  ((const struct call *) argument)->body (tell ((void *) 0x40));
  return 0;
}

static int
call_a_block (void *argument)
{
  ((const struct call *) argument)->body (tell (must_malloc (handle (), 4096)));
  return 0;
}

/* Where handles lie, but behind the last one. */
static int
call_the_next_handle (void *argument)
{
  struct sydra_alloc *first = handle (), *second = handle ();

  ((const struct call *) argument)->body (tell ((char *) second + ((char *) second - (char *) first) * 1000));
  return 0;
}

/* Others made since do not bring it back. */
static int
call_long_destroyed (void *argument)
{
  struct sydra_alloc *a = handle ();

  (void) sydra_alloc_destroy (a);
  (void) must_malloc (handle (), 8);
  (void) must_malloc (handle (), 8);
  ((const struct call *) argument)->body (tell (a));
  return 0;
}

START_TEST (a_handle_that_is_none_ends_the_process_with_one_line)
{
  const struct call *call = &calls[_i];

  must_be_told (call->name, call_null, call, call->name, "the handle is NULL");
  must_be_told (call->name, call_destroyed, call, call->name, "a destroyed handle");
  must_be_told (call->name, call_static, call, call->name, "no handle");
  must_be_told (call->name, call_inside_a_handle, call, call->name, "no handle");
  must_be_told (call->name, call_first, call, call->name, "no handle");
  must_be_told (call->name, call_unmapped, call, call->name, "no handle");
  must_be_told (call->name, call_a_block, call, call->name, "no handle");
  must_be_told (call->name, call_the_next_handle, call, call->name, "no handle");
  must_be_told (call->name, call_long_destroyed, call, call->name, "a destroyed handle");
}
END_TEST

static int
destroy_default (void *argument)
{
  (void) argument;
  (void) sydra_alloc_destroy (tell (sydra_alloc_default ()));
  return 0;
}

START_TEST (the_default_handle_is_never_destroyed)
{
  must_be_told ("default", destroy_default, NULL, "sydra_alloc_destroy", "the default handle is never destroyed");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("misuse");
  TCase *tests = test_case (suite, "misuse", 60);

  told = mmap (NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (told == MAP_FAILED)
    return EXIT_FAILURE;
  for (int at = 0; at < (int) (sizeof misuses / sizeof misuses[0]); at++)
    if (misuses[at].every_mode || sydra_alloc_is_small_pool ())
      tcase_add_loop_test (tests, a_block_misused_ends_the_process_with_one_line, at, at + 1);
  tcase_add_loop_test (tests, a_handle_that_is_none_ends_the_process_with_one_line, 0, (int) (sizeof calls / sizeof calls[0]));
  tcase_add_test (tests, the_default_handle_is_never_destroyed);
  return test_run (suite);
}
