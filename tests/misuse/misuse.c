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

#include "sydra/alloc.h"
#include "suite.h"
#include "unit/child.h"

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

static void
twice_with_many_between (struct sydra_alloc *a)
{
  static void *others[20000];
  void *block = tell (must_malloc (a, 16));

  for (unsigned at = 0; at < 20000; at++)
    others[at] = must_malloc (a, 16);
  sydra_free (a, block);
  sydra_free_batch (a, 20000, others);
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
twice_of_a_large_block (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 10000));

  sydra_free (a, block);
  sydra_free (a, block);
}

static void
freed_then_realloced_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 10000));

  sydra_free (a, block);
  (void) !sydra_realloc (a, block, 20000);
}

static void
freed_then_asked_for_its_size (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 10000));

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

/* ---- Pointers that are no block ---- */

static char in_static_memory[4096];

static void
interior (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 16));
  (void) sydra_collect (a);
}

static void
interior_by_one (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 64) + 1));
  (void) sydra_collect (a);
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
interior_of_a_large_block (struct sydra_alloc *a)
{
  sydra_free (a, tell ((char *) must_malloc (a, 10000) + 16));
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
other_free_large (struct sydra_alloc *a)
{
  sydra_free (a, tell (must_malloc (handle (), 5000)));
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

/* ---- Sizes and alignments that cannot be ---- */

static void
too_big_a_size (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (a, 64)), 65);
}

static void
too_big_a_size_large (struct sydra_alloc *a)
{
  sydra_free_sized (a, tell (must_malloc (a, 5000)), 100000);
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

#define TWICE "block freed twice"
#define MIDDLE "points into the middle of a block"
#define UNKNOWN "no block of this handle: not allocated by it, or freed already"
#define EMPTY "no block: in a part of the pool that holds none now (freed already?)"
#define OTHER "a block of another handle"
#define SMALLER "the block is smaller than the size given"
#define UNALIGNED "the block cannot have the alignment given"
/* Seen when a magazine is flushed; at once in a debug build. */
#define LATER (SY_DEBUG ? "sydra_free" : "free")

static const struct misuse
{
  const char *name;
  void (*body) (struct sydra_alloc *a);
  const char *call, *what;
} misuses[] = {
  { "freed twice in a row", twice_in_a_row, "sydra_free", TWICE },
  { "freed twice, another block between", twice_with_one_between, LATER, TWICE },
  { "freed twice, many blocks between", twice_with_many_between, LATER, TWICE },
  { "freed twice, a flush between", twice_with_a_flush_between, LATER, TWICE },
  { "freed twice, its slab empty", twice_when_its_slab_is_gone, "sydra_free", EMPTY },
  { "freed twice, first in another thread", twice_first_in_another_thread, LATER, TWICE },
  { "freed twice, then in another thread", twice_second_in_another_thread, LATER, TWICE },
  { "freed twice in two threads", twice_in_two_threads, LATER, TWICE },
  { "freed twice in one batch", twice_in_one_batch, LATER, TWICE },
  { "freed twice, large", twice_of_a_large_block, "sydra_free", UNKNOWN },
  { "freed and realloced, large", freed_then_realloced_large, "sydra_realloc", UNKNOWN },
  { "freed and asked for its size, large", freed_then_asked_for_its_size, "sydra_usable_size", UNKNOWN },
  { "freed twice, the handle destroyed", twice_at_the_end_of_the_handle, LATER, TWICE },
  { "interior", interior, "free", MIDDLE },
  { "interior by one byte", interior_by_one, "free", MIDDLE },
  { "interior of 48 bytes", interior_of_a_class_that_is_no_power_of_two, "free", MIDDLE },
  { "behind a slab's last block", behind_the_last_block_of_a_slab, "free", MIDDLE },
  { "interior of a large block", interior_of_a_large_block, "sydra_free", UNKNOWN },
  { "on the stack", on_the_stack, "sydra_free", UNKNOWN },
  { "static", in_static, "sydra_free", UNKNOWN },
  { "static, as the first call", first_call_of_all, "sydra_free", UNKNOWN },
  { "of the C library", of_the_c_library, "sydra_free", UNKNOWN },
  { "unmapped, low", unmapped_low, "sydra_free", UNKNOWN },
  { "unmapped, high", unmapped_high, "sydra_free", UNKNOWN },
  { "never handed out", never_handed_out, "sydra_free", EMPTY },
  { "realloc of the stack", stack_realloc, "sydra_realloc", UNKNOWN },
  { "resize of the stack", stack_resize, "sydra_resize", UNKNOWN },
  { "usable size of the stack", stack_usable, "sydra_usable_size", UNKNOWN },
  { "free with a size, the stack", stack_free_sized, "sydra_free_sized", UNKNOWN },
  { "free of a batch, the stack", stack_free_batch, "sydra_free", UNKNOWN },
  { "resize of NULL", null_resize, "sydra_resize", "the block is NULL" },
  { "another handle's: free", other_free, "sydra_free", OTHER },
  { "another handle's: free, large", other_free_large, "sydra_free", UNKNOWN },
  { "another handle's: realloc", other_realloc, "sydra_realloc", OTHER },
  { "another handle's: resize", other_resize, "sydra_resize", OTHER },
  { "another handle's: usable size", other_usable, "sydra_usable_size", OTHER },
  { "another handle's: free with a size", other_free_sized, "sydra_free_sized", OTHER },
  { "another handle's: by its value", other_by_its_value, "sydra_free_aligned_sized", OTHER },
  { "a dead handle's block", of_a_handle_that_is_gone, "sydra_free", EMPTY },
  { "too big a size", too_big_a_size, "sydra_free_sized", SMALLER },
  { "too big a size, large", too_big_a_size_large, "sydra_free_sized", SMALLER },
  { "too big a size, aligned", too_big_an_aligned_size, "sydra_free_aligned_sized", SMALLER },
  { "an alignment of 24", no_power_of_two, "sydra_free_aligned_sized", UNALIGNED },
  { "an alignment of 0", alignment_of_zero, "sydra_free_aligned_sized", UNALIGNED },
  { "an alignment that it has not", alignment_it_has_not, "sydra_free_aligned_sized", UNALIGNED }
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
static void c_malloc_large (struct sydra_alloc *a) { (void) !sydra_malloc (a, 8000); }
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
static void c_collect (struct sydra_alloc *a) { (void) sydra_collect (a); }

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
  { "sydra_stats_get", c_stats_get }, { "sydra_stats_write", c_stats_write }
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

START_TEST (a_handle_that_is_none_ends_the_process_with_one_line)
{
  const struct call *call = &calls[_i];

  must_be_told (call->name, call_null, call, call->name, "the handle is NULL");
  must_be_told (call->name, call_destroyed, call, call->name, "a destroyed handle");
  must_be_told (call->name, call_static, call, call->name, "no handle");
  must_be_told (call->name, call_inside_a_handle, call, call->name, "no handle");
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
  /* Only the pool knows its blocks; the other modes' heaps have their own ways. */
  if (sydra_alloc_is_small_pool ())
    tcase_add_loop_test (tests, a_block_misused_ends_the_process_with_one_line, 0, (int) (sizeof misuses / sizeof misuses[0]));
  tcase_add_loop_test (tests, a_handle_that_is_none_ends_the_process_with_one_line, 0, (int) (sizeof calls / sizeof calls[0]));
  tcase_add_test (tests, the_default_handle_is_never_destroyed);
  return test_run (suite);
}
