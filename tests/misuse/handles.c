/* SPDX-License-Identifier: MIT */
/* handles.c: every call, with a handle that is none. */
#include <config.h>

#include "misuse.h"

static char in_static_memory[4096];

static void c_destroy (struct sydra_alloc *a) { (void) sydra_alloc_destroy (a); }
static void c_malloc (struct sydra_alloc *a) { (void) !sydra_malloc (a, 8); }
static void c_malloc_large (struct sydra_alloc *a) { (void) !sydra_malloc (a, LARGE); }
static void c_calloc (struct sydra_alloc *a) { (void) !sydra_calloc (a, 1, 8); }
static void c_realloc (struct sydra_alloc *a) { (void) !sydra_realloc (a, in_static_memory, 8); }
static void c_aligned (struct sydra_alloc *a) { (void) !sydra_aligned_alloc (a, 64, 8); }
static void c_free (struct sydra_alloc *a) { sydra_free (a, in_static_memory); }
static void c_free_null (struct sydra_alloc *a) { sydra_free (a, NULL); }
static void c_free_sized (struct sydra_alloc *a) { sydra_free_sized (a, in_static_memory, 8); }
static void
c_free_aligned (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, in_static_memory, 8, 8);
}
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
static void
c_free_aligned_null (struct sydra_alloc *a)
{
  sydra_free_aligned_sized (a, NULL, 8, 8);
}
static void c_usable_null (struct sydra_alloc *a) { (void) sydra_usable_size (a, NULL); }
static void
c_malloc_batch_none (struct sydra_alloc *a)
{
  (void) sydra_malloc_batch (a, 8, 0, NULL);
}
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
static void
c_value_resize (struct sydra_alloc *a)
{
  (void) value_of (a).resize (a, in_static_memory, 8, 8, 4);
}
static void
c_value_remap (struct sydra_alloc *a)
{
  (void) !value_of (a).remap (a, in_static_memory, 8, 8, 16);
}
static void
c_value_remap_aligned (struct sydra_alloc *a)
{
  (void) !value_of (a).remap (a, in_static_memory, 8, 64, 16);
}
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
} calls[] = { { "sydra_alloc_destroy", c_destroy },
              { "sydra_malloc", c_malloc },
              { "sydra_malloc", c_malloc_large },
              { "sydra_calloc", c_calloc },
              { "sydra_realloc", c_realloc },
              { "sydra_aligned_alloc", c_aligned },
              { "sydra_free", c_free },
              { "sydra_free", c_free_null },
              { "sydra_free_sized", c_free_sized },
              { "sydra_free_aligned_sized", c_free_aligned },
              { "sydra_resize", c_resize },
              { "sydra_usable_size", c_usable },
              { "sydra_good_size", c_good },
              { "sydra_owns", c_owns },
              { "sydra_malloc_batch", c_malloc_batch },
              { "sydra_free_batch", c_free_batch },
              { "sydra_alloc_interface", c_interface },
              { "sydra_collect", c_collect },
              { "sydra_stats_get", c_stats_get },
              { "sydra_stats_write", c_stats_write },
              { "sydra_realloc", c_realloc_null },
              { "sydra_free_sized", c_free_sized_null },
              { "sydra_free_aligned_sized", c_free_aligned_null },
              { "sydra_usable_size", c_usable_null },
              { "sydra_malloc_batch", c_malloc_batch_none },
              { "sydra_free_batch", c_free_batch_none },
              { "sydra_aligned_alloc", c_value_alloc },
              { "sydra_resize", c_value_resize },
              { "sydra_realloc", c_value_remap },
              { "sydra_usable_size", c_value_remap_aligned },
              { "sydra_free_aligned_sized", c_value_free },
              { "sydra_epoch_enter", c_enter },
              { "sydra_epoch_leave", c_leave },
              { "sydra_epoch_advance", c_advance },
              { "sydra_epoch_synchronize", c_synchronize },
              { "sydra_free_deferred", c_defer },
              { "sydra_free_deferred", c_defer_null } };

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

  ((const struct call *) argument)
    ->body (tell ((char *) second + ((char *) second - (char *) first) * 1000));
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
  must_be_told ("default", destroy_default, NULL, "sydra_alloc_destroy",
                "the default handle is never destroyed");
}
END_TEST

void
misuse_add_handles (Suite *suite)
{
  TCase *tests = test_case (suite, "handles", 60);

  tcase_add_loop_test (tests, a_handle_that_is_none_ends_the_process_with_one_line, 0,
                       (int) (sizeof calls / sizeof calls[0]));
  tcase_add_test (tests, the_default_handle_is_never_destroyed);
}
