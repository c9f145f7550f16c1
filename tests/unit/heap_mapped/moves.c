/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "unit/child.h"
#include "api/fork.h"
#include "heap/heap.h"
#include "unit/mappings.h"
#include "base/os.h"
#include "pages/page_heap.h"
#include "pages/page_range.h"
#include "suite.h"

#define KIB ((size_t) 1 << 10)
#define MIB ((size_t) 1 << 20)

/* ---- What the system says of this process ---- */

static size_t
status_kib (const char *name)
{
  FILE *file = fopen ("/proc/self/status", "r");
  size_t kib = 0;
  char line[256];

  ck_assert_ptr_nonnull (file);
  while (fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, name, strlen (name)) == 0)
      kib = strtoull (line + strlen (name), NULL, 10);
  fclose (file);
  ck_assert_uint_ne (kib, 0);
  return kib;
}

static size_t
resident_bytes (void)
{
  return status_kib ("VmRSS:") * KIB;
}

static void
reset_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "w");

  ck_assert_ptr_nonnull (file);
  fputs ("5", file);
  fclose (file);
}

/* ---- Contents ---- */

/* One word in each 512 bytes, and the last byte. */
static void
stamp (void *block, size_t size, uint64_t mark)
{
  for (size_t at = 0; at + 8 <= size; at += 512)
    memcpy ((char *) block + at, &(uint64_t) { mark + at }, 8);
  ((char *) block)[size - 1] = (char) mark;
}

/* The first `size` bytes of a block that was stamped with `stamped` of them. */
static void
must_be_stamped (const void *block, size_t size, size_t stamped, uint64_t mark)
{
  uint64_t word;

  for (size_t at = 0; at + 8 <= size && at + 8 < stamped; at += 512)
    {
      memcpy (&word, (const char *) block + at, 8);
      test_must (word == mark + at, "byte %zu of %zu: %" PRIx64 ", not %" PRIx64, at, size, word, mark + at);
    }
  test_must (size < stamped || ((const char *) block)[stamped - 1] == (char) mark, "last byte of %zu", stamped);
}

static void
must_be_zero (const char *block, size_t size)
{
  for (size_t at = 0; at < size; at += at + 512 < size ? 64 : 1)
    test_must (block[at] == 0, "byte %zu of %zu", at, size);
}

/* ---- The model: threads and children of forks run it, so that it leaves check alone where nothing is wrong (child.h). ---- */

struct live
{
  char *block;
  size_t size;
  uint64_t mark;
};

/* Mostly small, now and then up to 8 MiB. */
static size_t
random_size (struct test_random *random)
{
  size_t most[] = { 300, 40 * KIB, 300 * KIB, 300 * KIB, 2 * MIB, 8 * MIB };

  return 1 + test_random_below (random, most[test_random_below (random, test_random_below (random, 8) == 0 ? 6 : 4)]);
}

static void
model_malloc (struct live *live, struct test_random *random)
{
  live->size = random_size (random);
  live->mark = test_random_next (random);
  switch (test_random_below (random, 4))
    {
    case 0:
      live->block = sy_heap_calloc (live->size);
      test_must (live->block != NULL, "no memory for %zu", live->size);
      must_be_zero (live->block, live->size);
      break;
    case 1:
      {
        size_t alignment = (size_t) 1 << test_random_below (random, 22);

        live->block = sy_heap_aligned (alignment, live->size);
        test_must (((uintptr_t) live->block & (alignment - 1)) == 0, "%p is not aligned to %zu", (void *) live->block, alignment);
        break;
      }
    default:
      live->block = sy_heap_malloc (live->size);
    }
  test_must (live->block != NULL, "no memory for %zu", live->size);
  test_must (((uintptr_t) live->block & 15) == 0, "%p", (void *) live->block);
}

static void
model_realloc (struct live *live, struct test_random *random)
{
  size_t size = test_random_below (random, 2) == 0 ? random_size (random) : live->size + test_random_below (random, live->size + 1);

  if (size > 8 * MIB)
    size = 8 * MIB;
  live->block = sy_heap_realloc (live->block, size);
  test_must (live->block != NULL, "no memory for %zu", size);
  must_be_stamped (live->block, size < live->size ? size : live->size, live->size, live->mark);
  live->size = size;
}

static void
model_step (struct live *live, struct test_random *random)
{
  if (live->block == NULL)
    model_malloc (live, random);
  else if (test_random_below (random, 3) == 0)
    model_realloc (live, random);
  else
    {
      must_be_stamped (live->block, live->size, live->size, live->mark);
      errno = 77;
      sy_heap_free (live->block);
      test_must (errno == 77, "free changed errno");
      live->block = NULL;
      return;
    }
  test_must (sy_heap_usable (live->block) >= live->size, "usable %zu of %zu", sy_heap_usable (live->block), live->size);
  live->block[sy_heap_usable (live->block) - 1] = 1;
  stamp (live->block, live->size, live->mark);
}

static void
model_end (struct live *live, size_t count)
{
  for (size_t at = 0; at < count; at++)
    if (live[at].block != NULL)
      {
        must_be_stamped (live[at].block, live[at].size, live[at].size, live[at].mark);
        sy_heap_free (live[at].block);
      }
}

START_TEST (blocks_keep_their_contents_under_random_use)
{
  static struct live live[64];
  struct test_random random = test_random_make (1);
  uint64_t now_ns = sy_os_now_ns ();

  for (unsigned step = 0; step < 100000; step++)
    {
      model_step (&live[test_random_below (&random, 64)], &random);
      if (step % 64 == 0)
        sy_heap_reap (now_ns += test_random_below (&random, 4) * SY_REAP_NS / 2);
      if (step % 5000 == 0)
        (void) sy_heap_trim ();
      if (step % 2000 == 0)
        ck_assert (sy_page_range_is_valid ());
    }
  model_end (live, 64);
  (void) sy_heap_trim ();
  ck_assert (sy_page_range_is_valid ());
  ck_assert_uint_eq (sy_page_range.runs.used, 0);
  ck_assert_uint_eq (sy_page_range.runs.edge, 0);
}
END_TEST

/* ---- Threads ---- */

#define THREADS 4
#define SHARED 16

static struct
{
  pthread_mutex_t lock;
  struct live live;
} shared[SHARED] = { [0 ... SHARED - 1] = { PTHREAD_MUTEX_INITIALIZER, { NULL, 0, 0 } } };

static void *
run_thread (void *number)
{
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (100 + (uintptr_t) number);

  for (unsigned step = 0; step < (TEST_SANITIZED ? 3000 : 15000); step++)
    {
      size_t at = test_random_below (&random, 8), other = test_random_below (&random, SHARED);

      model_step (&own[at], &random);
      if (test_random_below (&random, 10) < 3)
        {
          struct live given = own[at];

          pthread_mutex_lock (&shared[other].lock);
          own[at] = shared[other].live;
          shared[other].live = given;
          pthread_mutex_unlock (&shared[other].lock);
        }
      if (step % 256 == 0)
        sy_heap_reap (sy_os_now_ns ());
      if (step % 1000 == 0)
        (void) sy_heap_trim ();
    }
  model_end (own, 8);
  return NULL;
}

START_TEST (threads_free_each_others_blocks)
{
  pthread_t threads[THREADS];

  for (uintptr_t at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&threads[at], NULL, run_thread, (void *) at), 0);
  for (unsigned at = 0; at < THREADS; at++)
    pthread_join (threads[at], NULL);
  for (unsigned at = 0; at < SHARED; at++)
    model_end (&shared[at].live, 1);
  (void) sy_heap_trim ();
  ck_assert (sy_page_range_is_valid ());
  ck_assert_uint_eq (sy_page_range.runs.used, 0);
}
END_TEST

/* ---- One thing each ---- */

START_TEST (sizes_beyond_all_memory_fail_with_enomem)
{
  size_t sizes[] = { SIZE_MAX, SIZE_MAX - 15, (size_t) PTRDIFF_MAX + 1, (size_t) PTRDIFF_MAX, (size_t) PTRDIFF_MAX - SY_PAGE_UNIT_MAX, SIZE_MAX / 4 };
  /* Of 32 bits of addresses the C library may find a gigabyte, or more. */
  unsigned count = SY_WORD_BITS == 64 ? 6 : 3;
  char *block = sy_heap_malloc (100 * KIB);

  stamp (block, 100 * KIB, 5);
  for (unsigned at = 0; at < count; at++)
    {
      errno = 0;
      ck_assert_ptr_null (sy_heap_malloc (sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sy_heap_calloc (sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sy_heap_aligned (4096, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sy_heap_realloc (block, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
    }
  errno = 0;
  ck_assert_ptr_null (sy_heap_aligned (SIZE_MAX / 2 + 1, 1));
  ck_assert_int_eq (errno, ENOMEM);
  must_be_stamped (block, 100 * KIB, 100 * KIB, 5);
  sy_heap_free (block);
}
END_TEST

START_TEST (good_sizes_are_usable)
{
  for (size_t size = 0; size < 3 * MIB; size += size < 70000 ? 13 : 40001)
    {
      size_t good = sy_heap_good_size (size);
      char *block = sy_heap_malloc (good);

      ck_assert_uint_ge (good, size);
      ck_assert_uint_ge (sy_heap_usable (block), good);
      sy_heap_free (block);
    }
  ck_assert_uint_eq (sy_heap_good_size (SIZE_MAX), SIZE_MAX);
}
END_TEST

START_TEST (alignments_hold_up_to_64_mib)
{
  for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 2)
    for (size_t size = 1; size <= 128 * KIB; size = 3 * size + 1)
      {
        char *block = sy_heap_aligned (alignment, size);

        ck_assert_ptr_nonnull (block);
        test_must (((uintptr_t) block & (alignment - 1)) == 0, "%p: %zu of %zu", (void *) block, alignment, size);
        memset (block, 1, size);
        sy_heap_free (block);
      }
  (void) sy_heap_trim ();
  ck_assert_uint_eq (sy_page_range.runs.edge, 0); /* the ends that were cut off came back */
}
END_TEST

START_TEST (freed_neighbours_serve_a_block_of_their_sum)
{
  char *a = sy_heap_malloc (MIB), *b = sy_heap_malloc (MIB), *c = sy_heap_malloc (MIB), *d = sy_heap_malloc (MIB), *sum;

  ck_assert_ptr_eq (b, a + MIB);
  sy_heap_free (a);
  sy_heap_free (c);
  sy_heap_free (b);
  sum = sy_heap_malloc (3 * MIB);
  ck_assert_ptr_eq (sum, a);
  sy_heap_free (d);
  sy_heap_free (sum);
}
END_TEST

START_TEST (a_block_grows_in_place_where_what_follows_is_free)
{
  char *a = sy_heap_malloc (MIB), *b = sy_heap_malloc (MIB), *c = sy_heap_malloc (MIB);

  stamp (a, MIB, 9);
  sy_heap_free (b);
  ck_assert_ptr_eq (sy_heap_realloc (a, 2 * MIB), a);
  ck_assert_uint_eq (sy_heap_usable (a), 2 * MIB);
  must_be_stamped (a, MIB, MIB, 9);
  /* Nothing behind: any number of steps. */
  for (size_t size = MIB; size < 100 * MIB; size += 300 * KIB)
    ck_assert_ptr_eq (sy_heap_realloc (c, size), c);
  ck_assert_uint_le (sy_heap_usable (c), 151 * MIB);
  sy_heap_free (a);
  sy_heap_free (c);
}
END_TEST

START_TEST (a_block_that_shrinks_gives_its_tail_back)
{
  char *a = sy_heap_malloc (4 * MIB), *b;

  stamp (a, 4 * MIB, 3);
  ck_assert_ptr_eq (sy_heap_realloc (a, 4 * MIB - 100 * KIB), a);
  ck_assert_uint_eq (sy_heap_usable (a), 4 * MIB); /* not worth it */
  ck_assert_ptr_eq (sy_heap_realloc (a, MIB), a);
  ck_assert_uint_eq (sy_heap_usable (a), MIB);
  b = sy_heap_malloc (3 * MIB);
  ck_assert_ptr_eq (b, a + MIB);
  must_be_stamped (a, MIB, 4 * MIB, 3);
  sy_heap_free (a);
  sy_heap_free (b);
}
END_TEST

/* Two blocks that grow in turn: each finds the other behind it. */
START_TEST (moves_keep_contents_and_do_not_double_memory)
{
  struct live pair[2];
  unsigned moves = 0;
  size_t before;

  for (unsigned at = 0; at < 2; at++)
    {
      pair[at] = (struct live) { sy_heap_malloc (MIB), MIB, 11 + at };
      stamp (pair[at].block, MIB, pair[at].mark);
    }
  reset_peak ();
  before = status_kib ("VmHWM:");
  for (unsigned step = 0; step < 14; step++)
    {
      struct live *live = &pair[step % 2];
      char *moved = sy_heap_realloc (live->block, 2 * live->size);

      ck_assert_ptr_nonnull (moved);
      must_be_stamped (moved, live->size, live->size, live->mark);
      moves += moved != live->block;
      live->block = moved;
      live->size *= 2;
      memset (moved, 1, live->size);
      stamp (moved, live->size, live->mark);
    }
  ck_assert_uint_ge (moves, 10);
  if (!TEST_SANITIZED)
    ck_assert_uint_le (status_kib ("VmHWM:") - before, (2 * 128 * MIB + 4 * MIB) / KIB);
  for (unsigned at = 0; at < 2; at++)
    {
      must_be_stamped (pair[at].block, pair[at].size, pair[at].size, pair[at].mark);
      sy_heap_free (pair[at].block);
    }
  ck_assert (sy_page_range_is_valid ());
}
END_TEST

/* How many bytes of these pages are in memory. */
static size_t
there_of (char *block, size_t bytes)
{
  size_t there = 0, step;

  for (size_t at = 0; at < bytes; at += step)
    {
      step = bytes - at < SY_RESIDENT_BYTES ? bytes - at : SY_RESIDENT_BYTES;
      there += sy_os_resident_bytes (block + at, step);
    }
  return there;
}

/* A block of 1 MiB, all in memory, that grows to so much where another one lies behind it; are there free pages for it?  Few others are. */
static char *
grow_away (size_t bytes, bool free_pages)
{
  char *used = sy_heap_malloc (4 * MIB), *block = sy_heap_malloc (MIB), *wall = sy_heap_malloc (MIB), *grown;

  memset (used, 1, 4 * MIB);
  memset (block, 1, MIB);
  stamp (block, MIB, 5);
  sy_heap_free (used);
  if (!free_pages)
    (void) sy_heap_trim ();
  grown = sy_heap_realloc (block, bytes);
  ck_assert_ptr_nonnull (grown);
  ck_assert_ptr_ne (grown, block);
  must_be_stamped (grown, MIB, MIB, 5);
  sy_heap_free (wall);
  (void) sy_heap_trim ();
  return grown;
}

START_TEST (a_block_that_grows_far_is_copied_to_pages_that_are_there)
{
  /* How far, are there free pages, how many of its own are there then. */
  const struct { size_t bytes; bool free_pages; size_t there; } cases[] = {
    { 2 * MIB, false, MIB }, { MIB + MIB / 8, true, MIB }, { MIB + MIB / 4, true, MIB + MIB / 4 }, { 2 * MIB, true, 2 * MIB }, { 8 * MIB, true, MIB }
  };

  for (unsigned at = 0; at < sizeof cases / sizeof cases[0]; at++)
    {
      char *grown = grow_away (cases[at].bytes, cases[at].free_pages);
      size_t there = there_of (grown, cases[at].bytes);

      ck_assert_msg (there == cases[at].there, "case %u: %zu", at, there);
      sy_heap_free (grown);
      (void) sy_heap_trim ();
    }
  ck_assert (sy_page_range_is_valid ());
}
END_TEST

START_TEST (all_bytes_that_may_be_used_are_copied)
{
  char *used = sy_heap_malloc (8 * MIB), *grown = grow_away (2 * MIB, false), *wall = sy_heap_malloc (16 * MIB), *copy;
  size_t usable = sy_heap_usable (grown);

  /* It has room to grow on. */
  ck_assert_uint_gt (usable, 2 * MIB);
  memset (grown, 1, usable);
  stamp (grown, usable, 8);
  memset (used, 1, 8 * MIB);
  sy_heap_free (used);
  copy = sy_heap_realloc (grown, 2 * usable);
  ck_assert_ptr_eq (copy, used);
  must_be_stamped (copy, usable, usable, 8);
  sy_heap_free (copy);
  sy_heap_free (wall);
}
END_TEST

START_TEST (what_was_never_moved_of_a_block_waits_with_its_pages)
{
  char *grown = grow_away (2 * MIB, false);

  memset (grown, 1, 2 * MIB);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
  sy_heap_free (grown);
  /* Its second half, and room to grow on, of which no page came. */
  ck_assert_uint_ge (sy_heap_held_bytes (), MIB);
  ck_assert_uint_le (sy_heap_held_bytes (), 2 * MIB);
  ck_assert (sy_page_range_is_valid ());
  grown = sy_heap_malloc (MIB);
  ck_assert_uint_eq (there_of (grown, MIB), MIB);
  sy_heap_free (grown);
  ck_assert_uint_ne (sy_heap_trim (), 0);
}
END_TEST

START_TEST (callocs_memory_is_zero_however_dirty_it_was)
{
  struct test_random random = test_random_make (3);

  for (unsigned round = 0; round < 300; round++)
    {
      size_t size = 33 * KIB + test_random_below (&random, MIB);
      char *dirty = sy_heap_malloc (size + test_random_below (&random, MIB)), *zero;

      memset (dirty, 0xa5, size);
      if (round % 3 == 0)
        dirty = sy_heap_realloc (dirty, 3 * size);
      sy_heap_free (dirty);
      if (round % 7 == 0)
        (void) sy_heap_trim ();
      zero = sy_heap_calloc (size);
      must_be_zero (zero, size);
      memset (zero, 0x5a, size);
      sy_heap_free (zero);
    }
}
END_TEST

/* How much of a block, a multiple of the parts that are asked for at once, is in memory. */
static size_t
resident (char *block, size_t size)
{
  size_t bytes = 0;

  for (size_t at = 0; at < size; at += SY_RESIDENT_BYTES)
    bytes += sy_os_resident_bytes (block + at, SY_RESIDENT_BYTES);
  return bytes;
}

START_TEST (calloc_takes_no_memory_for_what_was_hardly_used)
{
  const size_t size = 32 * MIB;
  char *block = sy_heap_malloc (size), *zero;
  size_t used;

  memset (block, 1, 3 * MIB); /* dense in its first parts, one page in each of the others */
  for (size_t at = 3 * MIB; at < size; at += MIB)
    block[at] = 1;
  used = resident (block, size);
  sy_heap_free (block);
  zero = sy_heap_calloc (size);
  ck_assert_ptr_eq (zero, block);
  ck_assert_uint_le (resident (zero, size), used); /* which is more where the system gives huge pages */
  must_be_zero (zero, size);
  sy_heap_free (zero);
}
END_TEST

#define MANY 1000

static char *many[MANY];

static void
fill_many (size_t size)
{
  for (unsigned at = 0; at < MANY; at++)
    {
      many[at] = sy_heap_malloc (size);
      ck_assert_ptr_nonnull (many[at]);
      memset (many[at], 1, size);
    }
}

static void
free_many (unsigned step)
{
  for (unsigned at = 0; at < MANY; at++)
    if (at % step == 0 && many[at] != NULL)
      {
        sy_heap_free (many[at]);
        many[at] = NULL;
      }
}

START_TEST (freed_memory_waits_within_its_limit_and_trim_gives_it_back)
{
  size_t empty = resident_bytes (), rest;

  fill_many (100 * KIB);
  ck_assert_uint_ge (resident_bytes (), empty + 95 * MIB);
  free_many (1);
  ck_assert_uint_le (sy_heap_held_bytes (), SY_PAGES_DIRTY_BYTES);
  ck_assert_uint_le (resident_bytes (), empty + SY_PAGES_DIRTY_BYTES + 2 * MIB);
  rest = sy_heap_held_bytes ();
  ck_assert_uint_ne (rest, 0);
  ck_assert_uint_eq (sy_heap_trim (), rest);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
  ck_assert_uint_le (resident_bytes (), empty + 2 * MIB);
}
END_TEST

START_TEST (reaping_gives_back_what_nobody_took)
{
  uint64_t now_ns = sy_os_now_ns ();
  size_t full, held, left;

  sy_heap_free (sy_heap_malloc (MIB)); /* there is a range */
  (void) sy_heap_trim ();
  sy_heap_reap (now_ns += SY_REAP_NS);
  fill_many (100 * KIB);
  full = resident_bytes ();
  free_many (3); /* no two neighbours */
  held = sy_heap_held_bytes ();
  ck_assert_uint_ge (held, 16 * MIB);
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* not yet */
  sy_heap_reap (now_ns += SY_REAP_NS);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* it has not waited since the last look */
  sy_heap_reap (now_ns += SY_REAP_NS);
  left = sy_heap_held_bytes ();
  ck_assert_uint_lt (left, held);
  ck_assert_uint_ne (left, 0); /* a step */
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), left); /* not at once */
  while (AO_load (&sy_page_range.pace.under_way) != 0)
    sy_heap_reap (now_ns += (uint64_t) 1 << 20);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
  ck_assert_uint_le (resident_bytes (), full - held + 2 * MIB);
  free_many (1);
}
END_TEST

START_TEST (reaping_comes_soon_when_it_is_asked_to)
{
  uint64_t now_ns = sy_os_now_ns () + 100 * SY_REAP_NS;
  size_t held;

  sy_heap_free (sy_heap_malloc (MIB)); /* there is a range */
  (void) sy_heap_trim ();
  sy_heap_reap (now_ns);
  sy_heap_free (sy_heap_malloc (MIB));
  held = sy_heap_held_bytes ();
  ck_assert_uint_ge (held, MIB);
  sy_heap_reap_soon (now_ns += SY_REAP_NS / 4);
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* it has not waited since the last look */
  sy_heap_reap (now_ns += (uint64_t) 1 << 20);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* that reaping is over */
  sy_heap_reap_soon (now_ns);
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
}
END_TEST

START_TEST (a_step_that_is_asked_for_is_short)
{
  struct sy_pace pace = { 0, 0 };
  uint64_t now_ns = 1000 * SY_REAP_NS, left_ns;

  sy_pace_hurry (&pace, now_ns);
  ck_assert (sy_pace_is_due (&pace, now_ns));
  left_ns = sy_pace_step (&pace, now_ns);
  ck_assert_uint_le (left_ns, sy_os_now_ns () + SY_REAP_STEP_NS_MIN);
  /* One that is under way goes on as it would. */
  sy_pace_hurry (&pace, now_ns);
  ck_assert (!sy_pace_is_due (&pace, now_ns));
  sy_pace_end (&pace);
  sy_pace_hurry (&pace, now_ns);
  ck_assert (sy_pace_is_due (&pace, now_ns));
}
END_TEST

START_TEST (mappings_stay_few_after_ten_thousand_moves)
{
  unsigned before, moves = 0;
  char *block[32], *wall[32];

  for (unsigned at = 0; at < 32; at++)
    sy_heap_free (sy_heap_malloc (MIB));
  before = mappings ();
  for (unsigned round = 0; moves < 10000; round++)
    {
      for (unsigned at = 0; at < 32; at++)
        {
          block[at] = sy_heap_malloc (SY_MOVE_BYTES);
          wall[at] = sy_heap_malloc (SY_LARGE_MIN + 1);
          memset (block[at], (int) at, SY_MOVE_BYTES);
        }
      for (size_t size = 2 * SY_MOVE_BYTES; size <= 16 * SY_MOVE_BYTES; size *= 2)
        {
          /* What is copied to free pages is no move. */
          (void) sy_heap_trim ();
          for (unsigned at = 0; at < 32; at++)
            {
              char *moved = sy_heap_realloc (block[at], size);

              ck_assert_ptr_nonnull (moved);
              moves += moved != block[at];
              block[at] = moved;
            }
        }
      for (unsigned at = 0; at < 32; at++)
        {
          test_must (block[at][0] == (char) at && block[at][SY_MOVE_BYTES - 1] == (char) at, "round %u", round);
          if (at % 3 == 0)
            block[at] = sy_heap_realloc (block[at], 3 * SY_MOVE_BYTES);
          sy_heap_free (block[at]);
          sy_heap_free (wall[at]);
        }
      test_must (round < 10000, "%u moves", moves);
    }
  (void) sy_heap_trim ();
  ck_assert_uint_le (mappings (), before + 8);
}
END_TEST

/* Takes all mappings that the system grants, and lets blocks grow.  0: that took few addresses. */
static int
grow_without_mappings (void *argument)
{
  unsigned most = mappings_granted ();
  uint32_t edge;

  (void) argument;
  if (most == 0)
    return 0;
  sy_heap_free (sy_heap_malloc (64 * MIB));
  (void) sy_heap_trim ();
  edge = sy_page_range.runs.edge;
  if (!mappings_take_all (most))
    return 3;
  for (unsigned round = 0; round < 100; round++)
    {
      char *block = sy_heap_malloc (MIB), *wall = sy_heap_malloc (MIB), *moved;

      stamp (block, MIB, round);
      moved = sy_heap_realloc (block, 8 * MIB);
      if (moved == NULL)
        return 4;
      must_be_stamped (moved, MIB, MIB, round);
      sy_heap_free (moved);
      sy_heap_free (wall);
    }
  return sy_page_bytes_of (sy_page_range.runs.edge - edge) > 64 * MIB;
}

START_TEST (where_mappings_are_used_up_blocks_grow_and_addresses_last)
{
  struct child child = child_run (grow_without_mappings, NULL);

  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* ---- Fork ---- */

static AO_t stop;

static void *
busy (void *number)
{
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (200 + (uintptr_t) number);

  while (!AO_load (&stop))
    model_step (&own[test_random_below (&random, 8)], &random);
  model_end (own, 8);
  return NULL;
}

static int
in_child (void *block)
{
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (300);

  must_be_stamped (block, MIB, MIB, 21);
  block = sy_heap_realloc (block, 3 * MIB);
  must_be_stamped (block, MIB, MIB, 21);
  sy_heap_free (block);
  for (unsigned step = 0; step < 50; step++)
    model_step (&own[test_random_below (&random, 8)], &random);
  model_end (own, 8);
  (void) sy_heap_trim ();
  return sy_page_range_is_valid () ? 0 : 1;
}

/* The library's fork handlers (fork.c) take the heap's lock: no child finds it taken. */
START_TEST (children_of_threaded_processes_allocate_and_free)
{
  pthread_t threads[2];
  char *block = sy_heap_malloc (MIB);

  ck_assert (sy_fork_ready ());
  stamp (block, MIB, 21);
  for (uintptr_t at = 0; at < 2; at++)
    ck_assert_int_eq (pthread_create (&threads[at], NULL, busy, (void *) at), 0);
  for (unsigned round = 0; round < 40; round++)
    {
      struct child child = child_run (in_child, block);

      ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "round %u: status %x: %s", round, (unsigned) child.status, child.text);
    }
  AO_store (&stop, 1);
  for (unsigned at = 0; at < 2; at++)
    pthread_join (threads[at], NULL);
  must_be_stamped (block, MIB, MIB, 21);
  sy_heap_free (block);
}
END_TEST

/* ---- Misuse ---- */

enum misuse { FREED_TWICE, INSIDE, INSIDE_A_UNIT, BEHIND_ALL, FREED_REALLOC, FREED_USABLE, OLD_AFTER_A_MOVE };

static char *victim, *wall_behind;

static int
misuse (void *kind)
{
  switch ((enum misuse) (uintptr_t) kind)
    {
    case FREED_TWICE:
      sy_heap_free (victim);
      sy_heap_free (victim);
      break;
    case INSIDE:
      sy_heap_free (victim + 16 * sy_pages_unit_bytes ());
      break;
    case INSIDE_A_UNIT:
      sy_heap_free (victim + 16);
      break;
    case BEHIND_ALL:
      sy_heap_free (victim + 4096 * MIB);
      break;
    case FREED_REALLOC:
      sy_heap_free (victim);
      (void) sy_heap_realloc (victim, 5 * MIB);
      break;
    case FREED_USABLE:
      sy_heap_free (victim);
      (void) sy_heap_usable (victim);
      break;
    case OLD_AFTER_A_MOVE:
      (void) sy_heap_realloc (victim, 5 * MIB);
      sy_heap_free (victim);
      break;
    }
  return 0;
}

START_TEST (misuse_ends_the_process_with_a_line)
{
  struct { enum misuse kind; const char *call; size_t offset; } cases[] = {
    { FREED_TWICE, "free", 0 }, { INSIDE, "free", 16 * sy_pages_unit_bytes () }, { INSIDE_A_UNIT, "free", 16 }, { BEHIND_ALL, "free", 4096 * MIB },
    { FREED_REALLOC, "realloc", 0 }, { FREED_USABLE, "malloc_usable_size", 0 }, { OLD_AFTER_A_MOVE, "free", 0 }
  };

  victim = sy_heap_malloc (MIB);
  wall_behind = sy_heap_malloc (MIB);
  for (unsigned at = 0; at < 7; at++)
    {
      char line[200];

      snprintf (line, sizeof line, "sydra-alloc: %s: %p: no block: freed already, or inside of one\n", cases[at].call,
                (void *) (victim + cases[at].offset));
      child_must_abort (misuse, (void *) (uintptr_t) cases[at].kind, line);
    }
  sy_heap_free (victim);
  sy_heap_free (wall_behind);
}
END_TEST

/* ---- Limits ---- */

static int
under_a_limit (void *unused)
{
  struct rlimit limit = { 256 * MIB, 256 * MIB };
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (400);
  char *blocks[64];
  unsigned count = 0;

  (void) unused;
  if (setrlimit (RLIMIT_AS, &limit) != 0)
    return 2;
  while (count < 64 && (errno = 0, blocks[count] = sy_heap_malloc (16 * MIB)) != NULL)
    if (sy_pages_has (blocks[count++]))
      return 3;
  if (errno != ENOMEM || count < 8 || count > 16)
    return 4;
  while (count != 0)
    sy_heap_free (blocks[--count]);
  for (unsigned step = 0; step < 2000; step++)
    model_step (&own[test_random_below (&random, 8)], &random);
  model_end (own, 8);
  return 0;
}

START_TEST (under_a_limit_on_addresses_the_c_library_serves)
{
  struct child child;

  if (AO_load (&sy_page_range.bytes) != 0)
    return; /* CK_FORK=no: there is a range already */
  child = child_run (under_a_limit, NULL);
  ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* What only blocks of the range for large ones do; there is none on 32 bits. */
#define add_with_range(tests, test) \
  (SY_WORD_BITS == 64 ? tcase_add_test (tests, test) : (void) ((void) (test), printf ("# skipped, no range for large blocks: %s\n", #test)))

static void
add_tests_without_sanitizer (TCase *tests)
{
  tcase_add_test (tests, children_of_threaded_processes_allocate_and_free);
  tcase_add_test (tests, calloc_takes_no_memory_for_what_was_hardly_used);
  add_with_range (tests, freed_memory_waits_within_its_limit_and_trim_gives_it_back);
  add_with_range (tests, reaping_gives_back_what_nobody_took);
  add_with_range (tests, reaping_comes_soon_when_it_is_asked_to);
  tcase_add_test (tests, a_step_that_is_asked_for_is_short);
  add_with_range (tests, mappings_stay_few_after_ten_thousand_moves);
  add_with_range (tests, where_mappings_are_used_up_blocks_grow_and_addresses_last);
  tcase_add_test (tests, under_a_limit_on_addresses_the_c_library_serves);
}

int
main (void)
{
  Suite *suite = suite_create ("heap_mapped");
  TCase *tests = test_case (suite, "heap_mapped", 60);

  tcase_add_test (tests, blocks_keep_their_contents_under_random_use);
  tcase_add_test (tests, threads_free_each_others_blocks);
  tcase_add_test (tests, sizes_beyond_all_memory_fail_with_enomem);
  tcase_add_test (tests, good_sizes_are_usable);
  tcase_add_test (tests, alignments_hold_up_to_64_mib);
  add_with_range (tests, freed_neighbours_serve_a_block_of_their_sum);
  add_with_range (tests, a_block_grows_in_place_where_what_follows_is_free);
  add_with_range (tests, a_block_that_shrinks_gives_its_tail_back);
  tcase_add_test (tests, moves_keep_contents_and_do_not_double_memory);
  add_with_range (tests, a_block_that_grows_far_is_copied_to_pages_that_are_there);
  add_with_range (tests, all_bytes_that_may_be_used_are_copied);
  add_with_range (tests, what_was_never_moved_of_a_block_waits_with_its_pages);
  tcase_add_test (tests, callocs_memory_is_zero_however_dirty_it_was);
  add_with_range (tests, misuse_ends_the_process_with_a_line);
  /* A sanitizer's own memory and mappings would be counted; and its heap, which serves what is small, is locked for ever in a child. */
  if (!TEST_SANITIZED)
    add_tests_without_sanitizer (tests);
  return test_run (suite);
}
