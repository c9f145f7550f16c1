/* SPDX-License-Identifier: MIT */
/* conformance.h: what the parts share of the test of each edge of malloc and its family, as the C
   library's manual has it. */
#ifndef SY_MALLOC_CONFORMANCE_H
#define SY_MALLOC_CONFORMANCE_H

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>

#include "tap.h"

#define COUNT_OF(array) (sizeof (array) / sizeof *(array))
#define KIB ((size_t) 1024)
#define PAGE ((size_t) 4096)
/* Some heaps write to what they clear, if it is a terabyte. */
#define CLEARED_MAX ((size_t) 8 << 20)

/* C23; older C libraries have neither. */
void free_sized (void *block, size_t size) __attribute__ ((weak));
void free_aligned_sized (void *block, size_t alignment, size_t size) __attribute__ ((weak));

/* A way to get a block. */
struct entry {
  const char *name;
  void *(*allocate) (size_t alignment, size_t size);
  size_t alignment;  /* of every block; 0: as asked for */
  size_t most;       /* bytes in the matrix */
};
extern const struct entry entries[];
extern const size_t entry_count;

static inline bool
is_filled (const unsigned char *block, unsigned char byte, size_t size)
{
  for (size_t at = 0; at < size; at++)
    if (block[at] != byte)
      return false;
  return true;
}

/* Whether a call gave no block, and this error in errno; where not, it says so. */
static inline bool
refuses (const char *name, void *block, int error)
{
  int found = errno;

  if (block == NULL && found == error)
    return true;
  return tap_no ("%s: %p, errno %d (%d expected)", name, block, found, error);
}

/* Each says some facts. */
void test_matrix (void);
void test_many (void);
void test_zero (void);
void test_pages (void);
void test_too_big (void);
void test_overflow (void);
void test_failed_realloc (void);
void test_posix_memalign (void);
void test_alignments (void);
void test_realloc_to_nothing (void);
void test_null (void);
void test_errno (void);
void test_sized_frees (void);
void test_calloc (void);
void test_realloc (void);
void test_realloc_in_place (void);
void test_realloc_frees (void);
void test_usable (void);
void test_introspection (void);

#endif
