/* SPDX-License-Identifier: MIT */
/*
 * out_of_memory.c: every call that the library makes of the system fails once, and from then on, at every point of several workloads.
 *
 * The linker sends the library's mmap, mprotect, madvise and munmap here (-Wl,--wrap).  Each point is a child of a process that has not
 * used the library yet.  Asked for: NULL and ENOMEM or success; what is live keeps its contents; all is well once the fault is lifted.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "child.h"
#include "classes.h"
#include "pool/reap.h"
#include "suite.h"
#include "sydra/alloc.h"
#include "thread/registry.h"

#ifndef MADV_POPULATE_WRITE
# define MADV_POPULATE_WRITE 23
#endif

/* ---- Faults ---- */

enum kind { MMAP = 1, MPROTECT = 2, MADVISE = 4, MUNMAP = 8, ALL = 15 };

static struct
{
  unsigned kinds, nth;
  bool persists;
  bool old;  /* the system knows nothing of pages that are asked for ahead */
  AO_t on, calls, hits, ahead;
} fault;

static bool
fails (enum kind kind)
{
  if (!AO_load (&fault.on) || (fault.kinds & kind) == 0)
    return false;

  AO_t call = AO_fetch_and_add (&fault.calls, 1) + 1;

  if (call != fault.nth && !(fault.persists && call > fault.nth))
    return false;
  AO_fetch_and_add (&fault.hits, 1);
  errno = ENOMEM;
  return true;
}

void *__real_mmap (void *start, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_mprotect (void *start, size_t bytes, int protection);
int __real_madvise (void *start, size_t bytes, int advice);
int __real_munmap (void *start, size_t bytes);
void *__wrap_mmap (void *start, size_t bytes, int protection, int flags, int file, off_t offset);
int __wrap_mprotect (void *start, size_t bytes, int protection);
int __wrap_madvise (void *start, size_t bytes, int advice);
int __wrap_munmap (void *start, size_t bytes);

void *
__wrap_mmap (void *start, size_t bytes, int protection, int flags, int file, off_t offset)
{
  return fails (MMAP) ? MAP_FAILED : __real_mmap (start, bytes, protection, flags, file, offset);
}

int
__wrap_mprotect (void *start, size_t bytes, int protection)
{
  return fails (MPROTECT) ? -1 : __real_mprotect (start, bytes, protection);
}

/* A wish is asked for often, and nothing follows from a refusal: refused each time, at no point of its own. */
static int
wish (void *start, size_t bytes, int advice)
{
  bool is_old = fault.old && advice == MADV_POPULATE_WRITE;

  if (advice == MADV_POPULATE_WRITE)
    AO_fetch_and_add (&fault.ahead, 1);
  if (!is_old && (!AO_load (&fault.on) || (fault.kinds & MADVISE) == 0))
    return __real_madvise (start, bytes, advice);
  errno = is_old ? EINVAL : ENOMEM;
  return -1;
}

int
__wrap_madvise (void *start, size_t bytes, int advice)
{
  if (advice == MADV_POPULATE_WRITE || advice == MADV_DONTDUMP || advice == MADV_DODUMP)
    return wish (start, bytes, advice);
  return fails (MADVISE) ? -1 : __real_madvise (start, bytes, advice);
}

int
__wrap_munmap (void *start, size_t bytes)
{
  return fails (MUNMAP) ? -1 : __real_munmap (start, bytes);
}

static void
lift (void)
{
  AO_store (&fault.on, 0);
}

/* ---- What a child asks for ---- */

#define FAILED 99

static void __attribute__ ((format (printf, 2, 3)))
require (bool condition, const char *format, ...)
{
  va_list arguments;

  if (condition)
    return;
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  _exit (FAILED);
}

static struct sydra_alloc *
create (void)
{
  struct sydra_alloc *a;

  errno = 0;
  a = sydra_alloc_create (NULL);
  require (a != NULL || errno == ENOMEM, "create: errno %d", errno);
  if (a != NULL)
    return a;
  lift ();
  a = sydra_alloc_create (NULL);
  require (a != NULL, "create fails after the fault was lifted");
  return a;
}

#define LIVE 16000

struct live
{
  unsigned char *block[LIVE];
  size_t size[LIVE];
  unsigned count;
};

static void
stamp (unsigned char *block, size_t size)
{
  for (size_t at = 0; at < size; at += at < 8 || at + 9 > size ? 1 : size - 16)
    block[at] = (unsigned char) ((uintptr_t) block >> 4 ^ at ^ size);
}

static void
check_stamp (const unsigned char *block, size_t size)
{
  for (size_t at = 0; at < size; at += at < 8 || at + 9 > size ? 1 : size - 16)
    require (block[at] == (unsigned char) ((uintptr_t) block >> 4 ^ at ^ size), "block %p of %zu bytes: byte %zu lost", (const void *) block, size, at);
}

/* A block of the kind that the caller got, or NULL: whether it is in the list now. */
static bool
admit (struct live *live, void *block, size_t size)
{
  require (block != NULL || errno == ENOMEM, "NULL for %zu bytes: errno %d", size, errno);
  if (block == NULL)
    {
      errno = 0;
      return false;
    }
  require (live->count < LIVE, "too many");
  stamp (block, size);
  live->block[live->count] = block;
  live->size[live->count++] = size;
  errno = 0;
  return true;
}

static void
let_go (struct sydra_alloc *a, struct live *live, unsigned at)
{
  check_stamp (live->block[at], live->size[at]);
  errno = 77;
  sydra_free (a, live->block[at]);
  require (errno == 77, "free changed errno to %d", errno);
  live->block[at] = live->block[--live->count];
  live->size[at] = live->size[live->count];
}

/* The fault is gone: all that was live is intact and every size can be had, freed and accounted for. */
static void
recover (struct sydra_alloc *a, struct live *live)
{
  static struct live more;
  struct sydra_stats stats = { .size = sizeof stats };

  lift ();
  for (unsigned at = 0; at < live->count; at++)
    check_stamp (live->block[at], live->size[at]);
  more.count = 0;
  for (size_t size = 0; size <= 2 * SY_SMALL_MAX; size += size < 600 ? 1 : size / 8)
    require (admit (&more, sydra_malloc (a, size), size), "no %zu bytes after the fault was lifted", size);
  while (more.count != 0)
    let_go (a, &more, more.count - 1);
  while (live->count != 0)
    let_go (a, live, 0);
  require (sydra_stats_get (a, &stats) == 0 && stats.in_use == 0 && stats.in_use_bytes == 0, "%zu blocks in use", (size_t) stats.in_use);
  (void) sydra_collect (a);
  sy_pool_drain (&a->pool);
  require (sy_pool_is_valid (&a->pool), "the pool is not valid");
  require (sydra_stats_get (a, &stats) == 0, "no statistics");
  for (unsigned class = 0; class < stats.class_count; class++)
    require (stats.classes[class].slabs == 0, "%zu slabs of class %u stay", (size_t) stats.classes[class].slabs, class + 1);
  require (sydra_alloc_destroy (a) == 0, "blocks live at the end");
}

/* ---- Workloads ---- */

static struct live live;

static void
handles_come_and_go (void)
{
  struct sydra_alloc *a[5];

  for (unsigned round = 0; round < 3; round++)
    {
      for (unsigned at = 0; at < 5; at++)
        {
          void *block;

          a[at] = create ();
          errno = 0;
          block = sydra_malloc (a[at], 40);
          require (block != NULL || errno == ENOMEM, "errno %d", errno);
          sydra_free (a[at], block);
        }
      for (unsigned at = 1; at < 5; at++)
        require (sydra_alloc_destroy (a[at]) == 0, "live blocks");
      recover (a[0], &live);
    }
}

static void
blocks_of_all_classes (void)
{
  struct sydra_alloc *a = create ();

  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned class = 1; class < SY_CLASSES; class++)
        {
          size_t size = sy_size_classes[class].bytes - 1;

          for (unsigned at = 0; at < (size < 256 ? 240 : 20); at++)
            (void) admit (&live, at % 4 == 0 ? sydra_aligned_alloc (a, 8, size) : sydra_malloc (a, size), size);
        }
      for (unsigned at = 0; at < live.count / 2; at++)
        let_go (a, &live, at);
    }
  recover (a, &live);
}

static void
fallback_blocks (void)
{
  struct sydra_alloc *a = create ();

  /* More than the first tables hold: half of 512 for each of the stripes. */
  for (unsigned at = 0; at < 5000; at++)
    {
      size_t size = SY_SMALL_MAX + 1 + at % 40;

      if (admit (&live, sydra_malloc (a, size), size))
        require (sydra_usable_size (a, live.block[live.count - 1]) >= size, "usable size");
    }
  for (unsigned at = 0; at < live.count; at += 3)
    let_go (a, &live, at);
  recover (a, &live);
}

static void
batches (void)
{
  struct sydra_alloc *a = create ();
  void *blocks[500];

  for (unsigned round = 0; round < 40; round++)
    {
      size_t size = 1 + (round % 10 == 9 ? SY_SMALL_MAX / 8 * (round / 4) : round * 9 % 300), made;

      errno = 0;
      made = sydra_malloc_batch (a, size, 500, blocks);
      require (made == 500 || errno == ENOMEM, "a batch of %zu: errno %d", made, errno);
      if (round % 2)
        sydra_free_batch (a, made, blocks);
      else
        for (size_t at = 0; at < made; at++)
          if (live.count < LIVE)
            (void) admit (&live, blocks[at], size);
          else
            sydra_free (a, blocks[at]);
    }
  recover (a, &live);
}

static void
memory_goes_back (void)
{
  struct sydra_alloc *a = create ();

  for (unsigned round = 0; round < 4; round++)
    {
      size_t size = round % 2 == 0 ? 200 : SY_SMALL_MAX - 200;

      for (unsigned at = 0; at < (round % 2 == 0 ? 4000 : 400); at++)
        (void) admit (&live, sydra_malloc (a, size), size);
      while (live.count > 100)
        let_go (a, &live, live.count - 1);
      (void) sydra_collect (a);
    }
  recover (a, &live);
}

/* Mostly small, now and then anything up to twice what the pool serves. */
static size_t
some_size (struct test_random *random)
{
  return test_random_below (random, test_random_below (random, 16) == 0 ? 2 * SY_SMALL_MAX : 600);
}

static void
blocks_change_their_sizes (void)
{
  struct sydra_alloc *a = create ();
  struct test_random random = test_random_make (fault.nth);
  static unsigned char before[2 * SY_SMALL_MAX];

  for (unsigned step = 0; step < 6000; step++)
    if (live.count < 300)
      {
        size_t size = some_size (&random), alignment = (size_t) 1 << test_random_below (&random, 13);

        (void) admit (&live, test_random_below (&random, 2) ? sydra_aligned_alloc (a, alignment, size) : sydra_calloc (a, 1, size), size);
      }
    else
      {
        unsigned at = (unsigned) test_random_below (&random, live.count);
        size_t size = some_size (&random), kept = size < live.size[at] ? size : live.size[at];
        unsigned char *moved;

        check_stamp (live.block[at], live.size[at]);
        memcpy (before, live.block[at], live.size[at]);
        moved = sydra_realloc (a, live.block[at], size);
        require (moved != NULL || errno == ENOMEM, "realloc: errno %d", errno);
        if (moved == NULL)
          check_stamp (live.block[at], live.size[at]);
        else
          {
            require (memcmp (moved, before, kept) == 0, "realloc lost contents");
            stamp (moved, size);
            live.block[at] = moved;
            live.size[at] = size;
          }
        if (step % 3 == 0)
          let_go (a, &live, (unsigned) test_random_below (&random, live.count));
      }
  recover (a, &live);
}

static struct sydra_alloc *shared;

static void *
thread_body (void *argument)
{
  struct live *own = argument;

  own->count = 0;
  for (unsigned step = 0; step < 3000; step++)
    {
      size_t size = 1 + (step % 16 == 0 ? step * 53 % (SY_SMALL_MAX + 1000) : step % 300);

      (void) admit (own, sydra_malloc (shared, size), size);
      if (step % 3 == 0 && own->count != 0)
        let_go (shared, own, own->count / 2);
    }
  while (own->count != 0)
    let_go (shared, own, own->count - 1);
  return NULL;
}

static void
threads_come_and_go (void)
{
  static struct live own[3];
  pthread_t thread[3];

  shared = create ();
  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned at = 0; at < 3; at++)
        require (pthread_create (&thread[at], NULL, thread_body, &own[at]) == 0, "no thread");
      for (unsigned at = 0; at < 3; at++)
        pthread_join (thread[at], NULL);
    }
  recover (shared, &live);
}

static void
statistics_are_read (void)
{
  struct sydra_alloc *a = create ();
  struct sydra_stats stats = { .size = sizeof stats };

  for (unsigned at = 0; at < 200; at++)
    {
      (void) admit (&live, sydra_malloc (a, at * 3), at * 3);
      require (sydra_stats_get (a, &stats) == 0 && stats.in_use == live.count, "%zu in use, not %u", (size_t) stats.in_use, live.count);
    }
  recover (a, &live);
}

static const struct workload
{
  const char *name;
  void (*run) (void);
} workloads[] = {
  { "handles_come_and_go", handles_come_and_go }, { "blocks_of_all_classes", blocks_of_all_classes },
  { "fallback_blocks", fallback_blocks }, { "batches", batches }, { "memory_goes_back", memory_goes_back },
  { "blocks_change_their_sizes", blocks_change_their_sizes }, { "threads_come_and_go", threads_come_and_go },
  { "statistics_are_read", statistics_are_read }
};

#define WORKLOADS (int) (sizeof workloads / sizeof *workloads)

/* ---- Every point ---- */

static int
run_with_fault (void *workload)
{
  AO_store (&fault.on, 1);
  ((const struct workload *) workload)->run ();
  return AO_load (&fault.hits) != 0;
}

/* Fails the Nth call for N = 1, 2 ... until the workload ends before it comes to that; how many there were. */
static unsigned
fail_at_every_point (const struct workload *workload, unsigned kinds, bool persists)
{
  unsigned points = 0;

  for (unsigned nth = 1;; nth += TEST_SANITIZED ? nth : nth < 60 ? 1 : nth / 10, points++)
    {
      fault.kinds = kinds;
      fault.nth = nth;
      fault.persists = persists;

      struct child child = child_run (run_with_fault, (void *) (uintptr_t) workload);

      ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) <= 1, "%s, calls %x, the %uth %s: status %x: %s", workload->name,
                     kinds, nth, persists ? "and all after it" : "alone", (unsigned) child.status, child.text);
      if (WEXITSTATUS (child.status) == 0)
        return points;
    }
}

static const unsigned kinds_of[] = { MMAP, MPROTECT, MADVISE, MUNMAP, ALL };

START_TEST (a_call_that_fails_once_is_survived)
{
  unsigned points = 0;

  for (unsigned at = 0; at < 5; at++)
    points += fail_at_every_point (&workloads[_i], kinds_of[at], false);
  ck_assert_uint_ge (points, 8);
}
END_TEST

START_TEST (calls_that_fail_from_some_point_on_are_survived)
{
  unsigned points = 0;

  for (unsigned at = 0; at < 5; at++)
    points += fail_at_every_point (&workloads[_i], kinds_of[at], true);
  ck_assert_uint_ge (points, 8);
}
END_TEST

static int
ask_for_the_default (void *nothing)
{
  (void) nothing;
  fault.kinds = ALL;
  fault.nth = 1;
  fault.persists = true;
  AO_store (&fault.on, 1);
  return sydra_alloc_default () != NULL;
}

START_TEST (only_the_process_s_own_handle_ends_the_process)
{
  child_must_abort (ask_for_the_default, NULL, "sydra-alloc: sydra_alloc_default: 0x0: no memory for the process's own handle\n");
}
END_TEST

static int
serve_untracked (void *nothing)
{
  struct sydra_alloc *a = create ();
  size_t size = SY_SMALL_MAX + 1000;
  int local;

  (void) nothing;
  fault.kinds = MMAP;
  fault.nth = 1;
  fault.persists = true;
  AO_store (&fault.on, 1);
  for (unsigned at = 0; at < 500; at++)
    {
      require (admit (&live, sydra_malloc (a, size), size), "the C library has memory");
      require (sydra_usable_size (a, live.block[at]) >= size && sydra_resize (a, live.block[at], size - 100), "a block without an entry is refused");
    }
  require (AO_load (&fault.hits) != 0, "no table was asked for");
  lift ();
  for (unsigned at = 0; at < 5000; at++)
    require (admit (&live, sydra_malloc (a, size), size), "no block");
  while (live.count != 0)
    let_go (a, &live, live.count / 3);
  require (!sydra_owns (a, &local), "owns");
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    require (a->fallback.stripe[at].untracked == 0 && a->fallback.stripe[at].used == 0, "stripe %u is not empty", at);
  return sydra_alloc_destroy (a) != 0;
}

START_TEST (blocks_that_cannot_be_tracked_are_served_and_freed_all_the_same)
{
  struct child child = child_run (serve_untracked, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* How often the system was asked for pages ahead; in the least significant bits of an exit status. */
static int
grow_on_a_system (void *is_old)
{
  struct sydra_alloc *a = create ();

  fault.old = is_old != NULL;
  for (unsigned at = 0; at < 10000; at++)
    require (sydra_malloc (a, 64) != NULL, "no block");
  return (int) AO_load (&fault.ahead);
}

START_TEST (a_system_that_cannot_get_pages_ahead_is_asked_once)
{
  struct child young = child_run (grow_on_a_system, NULL), old = child_run (grow_on_a_system, &fault);
  bool knows = sy_os_populate (NULL, 0);

  ck_assert (WIFEXITED (young.status) && WIFEXITED (old.status));
  ck_assert_int_eq (WEXITSTATUS (old.status), WEXITSTATUS (young.status) != 0);
  ck_assert (!knows || WEXITSTATUS (young.status) > 20);
}
END_TEST

/* Of ten slabs the system takes three back. */
static void
refuse_pages_of (unsigned class)
{
  uint32_t chain = SY_SLAB_NONE, first = SY_SLAB_NONE;
  size_t bytes = sy_class_slab_bytes (class);
  unsigned kept = 0;

  for (unsigned at = 0; at < 10; at++)
    {
      uint32_t slab = sy_region_take (class);

      require (slab != SY_SLAB_NONE, "no slab");
      sy_slab_at (slab)->touched = 7;
      sy_slab_at (slab)->next = chain;
      chain = slab;
      first = at == 0 ? slab : first;
    }
  sy_region_give (chain, 10);
  fault.kinds = MADVISE;
  fault.nth = 4;
  fault.persists = true;
  AO_store (&fault.calls, 0);
  AO_store (&fault.on, 1);
  require (sy_region_trim () == 3 * bytes, "three went back");
  require (sy_region_spare_bytes () == 7 * bytes, "%zu bytes spare", sy_region_spare_bytes ());
  for (unsigned at = 0; at < 10; at++)
    kept += sy_slab_at (first + at * sy_size_classes[class].units)->touched != 0;
  require (kept == 7, "%u of ten slabs are not known to be zero", kept);
  require (sy_region_trim () == 0, "none goes back");
  lift ();
  require (sy_region_trim () == 7 * bytes, "the rest goes back");
  require (sy_region_spare_bytes () == 0, "%zu bytes spare", sy_region_spare_bytes ());
}

static int
refuse_pages (void *nothing)
{
  (void) nothing;
  require (sy_region_open (), "no range");
  refuse_pages_of (class_of_units (1));
  refuse_pages_of (class_of_units (SY_SLAB_UNITS_MAX));
  return 0;
}

START_TEST (pages_that_the_system_does_not_take_back_stay_spare)
{
  struct child child = child_run (refuse_pages, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("out_of_memory");
  TCase *tests = test_case (suite, "faults", 60);

  tcase_add_loop_test (tests, a_call_that_fails_once_is_survived, 0, WORKLOADS);
  tcase_add_loop_test (tests, calls_that_fail_from_some_point_on_are_survived, 0, WORKLOADS);
  tcase_add_test (tests, only_the_process_s_own_handle_ends_the_process);
  tcase_add_test (tests, blocks_that_cannot_be_tracked_are_served_and_freed_all_the_same);
  tcase_add_test (tests, a_system_that_cannot_get_pages_ahead_is_asked_once);
  tcase_add_test (tests, pages_that_the_system_does_not_take_back_stay_spare);
  return test_run (suite);
}
