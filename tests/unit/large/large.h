/* SPDX-License-Identifier: MIT */
/* large.h: what the parts of the test of large blocks share. */
#ifndef SY_TEST_LARGE_H
#define SY_TEST_LARGE_H

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "pages/large.h"
#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"
#include "pages/dirty.h"
#include "pool/size_class.h"
#include "unit/one_handle.h"

#define KIB ((size_t) 1 << 10)
/* The smallest large block, in whole units. */
#define MOVED_BYTES (3 * SY_UNIT_BYTES)
#define MIB ((size_t) 1 << 20)

/* ---- Contents ---- */

/* A block in use: its size and the mark of its stamp. */
struct live
{
  char *block;
  size_t size;
  uint64_t mark;
};

/* One word in each 512 bytes, and the last byte. */
static inline void
stamp (void *block, size_t size, uint64_t mark)
{
  for (size_t at = 0; at + 8 <= size; at += 512)
    memcpy ((char *) block + at, &(uint64_t) { mark + at }, 8);
  ((char *) block)[size - 1] = (char) mark;
}

/* The first `size` bytes of a block that was stamped with `stamped` of them. */
static inline void
must_be_stamped (const void *block, size_t size, size_t stamped, uint64_t mark)
{
  uint64_t word;

  for (size_t at = 0; at + 8 <= size && at + 8 < stamped; at += 512)
    {
      memcpy (&word, (const char *) block + at, 8);
      test_must (word == mark + at, "byte %zu of %zu: %" PRIx64 ", not %" PRIx64, at, size, word,
                 mark + at);
    }
  test_must (size < stamped || ((const char *) block)[stamped - 1] == (char) mark,
             "last byte of %zu", stamped);
}

static inline void
must_be_zero (const char *block, size_t size)
{
  for (size_t at = 0; at < size; at += at + 512 < size ? 64 : 1)
    test_must (block[at] == 0, "byte %zu of %zu", at, size);
}

/* ---- What the system says ---- */

static inline size_t
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

/* How many bytes of these pages are in memory. */
static inline size_t
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

/* ---- The range ---- */

static inline size_t
used_bytes (void)
{
  return (size_t) sy_range_runs.used << SY_UNIT_SHIFT;
}

/* How many bytes of free memory may wait beside what is in use: a quarter, or a half in short
   runs. */
static inline size_t
waiting_most (bool is_long)
{
  size_t share = used_bytes () / SY_DIRTY_SHARE, most = share > MIB ? share : MIB;

  return is_long ? most : 2 * most;
}

/* So much is in use, of which no page is in memory: one part in SY_DIRTY_SHARE of it may wait. */
static inline void *
take_ballast (size_t bytes)
{
  void *ballast = sydra_malloc (a, bytes);

  ck_assert_ptr_nonnull (ballast);
  return ballast;
}

/* Ends the handle, of which no block is live, and with it all use of the range. */
static inline void
end_of_all (void)
{
  ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
  (void) sy_dirty_purge ();
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_eq (sy_range_runs.used, 0);
}

/* Each adds a case.  What a sanitizer cannot run is left out there: its own memory and mappings
   would be counted, and its heap is locked for ever in a child. */
void large_add_sizes (Suite *suite);
void large_add_misuse (Suite *suite);
void large_add_lengths (Suite *suite);
void large_add_huge (Suite *suite);
void large_add_limits (Suite *suite);
void large_add_model (Suite *suite);
void large_add_moves (Suite *suite);
void large_add_waiting (Suite *suite);

#endif
