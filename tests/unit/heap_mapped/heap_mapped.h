/* SPDX-License-Identifier: MIT */
/* heap_mapped.h: what the parts of the test of the heap that maps share. */
#ifndef SY_TEST_HEAP_MAPPED_H
#define SY_TEST_HEAP_MAPPED_H

#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "heap/heap.h"
#include "pages/page_heap.h"
#include "pages/page_range.h"
#include "suite.h"

#define KIB ((size_t) 1 << 10)
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

/* What only blocks of the range for large ones do; there is none on 32 bits. */
#define add_with_range(tests, test) \
  (SY_WORD_BITS == 64 ? tcase_add_test (tests, test) \
   : (void) ((void) (test), printf ("# skipped, no range for large blocks: %s\n", #test)))

/* Each adds a case.  What a sanitizer cannot run is left out there: its own memory and mappings
   would be counted, and its heap, which serves what is small, is locked for ever in a child. */
void heap_mapped_add_model (Suite *suite);
void heap_mapped_add_blocks (Suite *suite);
void heap_mapped_add_moves (Suite *suite);
void heap_mapped_add_waiting (Suite *suite);

#endif
