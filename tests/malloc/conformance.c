/* SPDX-License-Identifier: MIT */
/* conformance.c: each edge of malloc and its family, as the C library's manual has it. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>

#include "tap.h"

#define COUNT_OF(array) (sizeof (array) / sizeof *(array))
#define KIB ((size_t) 1024)
#define ALIGNMENT_MAX ((size_t) 4 << 20)
/* Written whole up to this. */
#define FILLED_MAX (64 * KIB)
/* Some heaps write to what they clear, if it is a terabyte. */
#define CLEARED_MAX ((size_t) 8 << 20)

/* C23; older C libraries have neither. */
void free_sized (void *block, size_t size) __attribute__ ((weak));
void free_aligned_sized (void *block, size_t alignment, size_t size) __attribute__ ((weak));

static const size_t page = 4096;

/* ---- The matrix of sizes and alignments ---- */

static size_t sizes[512], size_count;

static void
list_sizes (void)
{
  for (size_t size = 0; size <= 64; size++)
    sizes[size_count++] = size;
  for (size_t size = 72; size <= 64 * KIB; size += size / 7)
    sizes[size_count++] = size;
  for (unsigned shift = 7; shift <= (sizeof (size_t) == 8 ? 40 : 30); shift++)
    for (int by = -1; by <= 1; by++)
      sizes[size_count++] = ((size_t) 1 << shift) + (size_t) by;
}

static void *
by_malloc (size_t alignment, size_t size)
{
  (void) alignment;
  return malloc (size);
}

static void *
by_calloc (size_t alignment, size_t size)
{
  (void) alignment;
  return calloc (1, size);
}

static void *
by_realloc (size_t alignment, size_t size)
{
  (void) alignment;
  return realloc (NULL, size);
}

static void *
by_reallocarray (size_t alignment, size_t size)
{
  (void) alignment;
  return reallocarray (NULL, size, 1);
}

static void *
by_growth (size_t alignment, size_t size)
{
  void *small = malloc (1), *grown = realloc (small, size == 0 ? 1 : size);

  (void) alignment;
  if (grown == NULL)
    free (small);
  return grown;
}

static void *
by_posix_memalign (size_t alignment, size_t size)
{
  void *block = NULL;
  int error = posix_memalign (&block, alignment < sizeof (void *) ? sizeof (void *) : alignment, size);

  if (error != 0)
    errno = error;
  return block;
}

static void *
by_valloc (size_t alignment, size_t size)
{
  (void) alignment;
  return valloc (size);
}

static void *
by_pvalloc (size_t alignment, size_t size)
{
  (void) alignment;
  return pvalloc (size);
}

static const struct entry {
  const char *name;
  void *(*allocate) (size_t alignment, size_t size);
  size_t alignment;  /* of every block; 0: as asked for */
  size_t most;       /* bytes in the matrix */
} entries[] = {
  { "malloc", by_malloc, 16, SIZE_MAX },
  { "calloc", by_calloc, 16, CLEARED_MAX },
  { "realloc of NULL", by_realloc, 16, SIZE_MAX },
  { "realloc that grows", by_growth, 16, SIZE_MAX },
  { "reallocarray", by_reallocarray, 16, SIZE_MAX },
  { "aligned_alloc", aligned_alloc, 0, SIZE_MAX },
  { "memalign", memalign, 0, SIZE_MAX },
  { "posix_memalign", by_posix_memalign, 0, SIZE_MAX },
  { "valloc", by_valloc, 4096, SIZE_MAX },
  { "pvalloc", by_pvalloc, 4096, SIZE_MAX }
};

static bool
is_filled (const unsigned char *block, unsigned char byte, size_t size)
{
  for (size_t at = 0; at < size; at++)
    if (block[at] != byte)
      return false;
  return true;
}

/* Writes what of the block is usable: all of it, or its start and its last page; nothing of what is very large. */
static void
fill (unsigned char *block, unsigned char byte, size_t usable)
{
  if (usable == 0 || usable > ((size_t) 64 << 20))
    return;
  memset (block, byte, usable < FILLED_MAX ? usable : FILLED_MAX);
  if (usable > FILLED_MAX)
    memset (block + usable - page, byte, page);
}

/* Two blocks at once, each filled to its end: aligned, of the size, apart. */
static bool
pair_is_right (const struct entry *entry, size_t alignment, size_t size)
{
  size_t least = entry->alignment != 0 ? entry->alignment : alignment;
  unsigned char *block[2];
  bool right = true;

  for (unsigned at = 0; at < 2; at++)
    {
      errno = 0;
      block[at] = entry->allocate (alignment, size);
      if (block[at] == NULL && (errno != ENOMEM || size < ((size_t) 1 << 28)))
        return tap_no ("%s (%zu, %zu): NULL, errno %d", entry->name, alignment, size, errno);
      if (block[at] == NULL)
        continue;
      if (((uintptr_t) block[at] & (least - 1)) != 0)
        right = tap_no ("%s (%zu, %zu): %p", entry->name, alignment, size, (void *) block[at]);
      if (malloc_usable_size (block[at]) < size)
        right = tap_no ("%s (%zu, %zu): %zu usable", entry->name, alignment, size, malloc_usable_size (block[at]));
      fill (block[at], (unsigned char) (0x50 + at), malloc_usable_size (block[at]));
    }
  if (size <= FILLED_MAX && right && !is_filled (block[0], 0x50, size))
    right = tap_no ("%s (%zu, %zu): two blocks overlap", entry->name, alignment, size);
  free (block[0]);
  free (block[1]);
  return right;
}

static bool
matrix_is_right (const struct entry *entry)
{
  size_t most = entry->alignment != 0 ? 1 : ALIGNMENT_MAX;

  for (size_t alignment = 1; alignment <= most; alignment *= 2)
    for (size_t at = 0; at < size_count; at++)
      if (sizes[at] <= entry->most && !pair_is_right (entry, alignment, sizes[at]))
        return false;
  return true;
}

static void
test_matrix (void)
{
  char fact[128];

  list_sizes ();
  for (size_t at = 0; at < COUNT_OF (entries); at++)
    {
      snprintf (fact, sizeof fact, "%s: every size at every alignment is aligned, usable to its end, and apart from others", entries[at].name);
      tap (matrix_is_right (&entries[at]), fact);
    }
}

/* ---- Sizes that cannot be ---- */

static bool
refuses (const char *name, void *block, int error)
{
  int found = errno;

  if (block == NULL && found == error)
    return true;
  return tap_no ("%s: %p, errno %d (%d expected)", name, block, found, error);
}

static void
test_too_big (void)
{
  bool right = true;

  for (size_t at = 0; at < COUNT_OF (entries); at++)
    for (size_t step = 0; step < 24; step++)
      {
        /* From PTRDIFF_MAX + 1, and down from SIZE_MAX: near the end pvalloc's rounding wraps round. */
        size_t size = step < 12 ? (size_t) PTRDIFF_MAX + ((size_t) 1 << step) : SIZE_MAX - ((size_t) 1 << (step - 12)) + 1;

        errno = 0;
        right = refuses (entries[at].name, entries[at].allocate (16, size), ENOMEM) && right;
      }
  tap (right, "no call gives a block of more than PTRDIFF_MAX: NULL and ENOMEM");
}

static void
test_overflow (void)
{
  unsigned char *block = malloc (100);
  bool right = true;

  memset (block, 7, 100);
  for (unsigned shift = 1; shift < sizeof (size_t) * CHAR_BIT; shift++)
    for (size_t by = 0; by < 2; by++)
      {
        size_t count = ((size_t) 1 << shift) + by, size = SIZE_MAX / count + 1 + by;

        errno = 0;
        right = refuses ("calloc", calloc (count, size), ENOMEM) && right;
        errno = 0;
        right = refuses ("reallocarray", reallocarray (block, count, size), ENOMEM) && right;
        errno = 0;
        right = refuses ("reallocarray", reallocarray (NULL, count, size), ENOMEM) && right;
      }
  tap (right, "a product that overflows is refused: NULL and ENOMEM");
  tap (is_filled (block, 7, 100), "a refused reallocarray leaves the block");
  free (block);
}

static void
test_failed_realloc (void)
{
  bool right = true;

  for (size_t size = 1; size < 300 * KIB; size = 3 * size + 1)
    {
      unsigned char *block = malloc (size);

      memset (block, 0x5a, size);
      errno = 0;
      right = refuses ("realloc", realloc (block, (size_t) PTRDIFF_MAX), ENOMEM) && right;
      right = is_filled (block, 0x5a, size) && right;
      free (block);
    }
  tap (right, "a growth that fails leaves the block as it was: NULL and ENOMEM");
}

/* ---- Nothing, and nowhere ---- */

static void
test_zero (void)
{
  static void *block[1000];
  bool right = true;

  for (unsigned at = 0; at < 1000; at++)
    {
      block[at] = at % 2 ? malloc (0) : calloc (0, at);
      right = right && block[at] != NULL;
      for (unsigned other = 0; other < at; other++)
        right = right && block[at] != block[other];
    }
  for (unsigned at = 0; at < 1000; at++)
    free (block[at]);
  tap (right, "blocks of 0 bytes are blocks, each its own");

  void *one = realloc (NULL, 0);

  tap (one != NULL, "realloc (NULL, 0) allocates");
  free (one);
}

static void
test_realloc_to_nothing (void)
{
  size_t before, grown;
  bool right = true;

  before = tap_resident ();
  for (unsigned round = 0; round < 40000; round++)
    {
      size_t size = round % 2 ? 200 : 100 * KIB;
      void *block = malloc (size);

      memset (block, 1, size < page ? size : page);
      errno = 4711;
      right = realloc (block, 0) == NULL && errno == 4711 && right;
    }
  grown = tap_resident ();
  tap (right, "realloc (block, 0) returns NULL and is no error");
  tap (grown < before + ((size_t) 16 << 20), "... and frees the block");
}

static void
test_null (void)
{
  errno = 4711;
  free (NULL);
  if (free_sized != NULL)
    free_sized (NULL, 100);
  if (free_aligned_sized != NULL)
    free_aligned_sized (NULL, 64, 128);
  tap (errno == 4711, "freeing NULL does nothing");
  tap (malloc_usable_size (NULL) == 0, "NULL has no usable bytes");
}

/* ---- errno ---- */

static void
test_errno (void)
{
  bool kept = true;

  for (unsigned round = 0; round < 100000; round++)
    {
      void *block = malloc (round % 100 == 0 ? 300 * KIB : tap_below (2000));

      errno = 4711;
      free (block);
      kept = kept && errno == 4711;
    }
  tap (kept, "free keeps errno");
}

static void
test_sized_frees (void)
{
  bool kept = true;

  if (free_sized == NULL || free_aligned_sized == NULL)
    {
      tap_skip ("free_sized and free_aligned_sized free, and keep errno", "this C library has neither");
      return;
    }
  for (size_t size = 1; size < 300 * KIB; size = size * 5 / 4 + 1)
    {
      void *plain = malloc (size), *aligned = aligned_alloc (64, size);

      errno = 4711;
      free_sized (plain, size);
      free_aligned_sized (aligned, 64, size);
      kept = kept && errno == 4711;
    }
  tap (kept, "free_sized and free_aligned_sized free, and keep errno");
}

/* ---- Alignments that cannot be ---- */

static void
test_posix_memalign (void)
{
  static const size_t bad[] = { 0, 1, 2, 3, 4, 7, 12, 24, 48, 100, SIZE_MAX, SIZE_MAX / 2, (SIZE_MAX / 2 + 1) | 8 };
  void *const before = &tap_count;
  void *block = before;
  bool right = true;

  errno = 4711;
  for (size_t at = 0; at < COUNT_OF (bad); at++)
    if (bad[at] < sizeof (void *) || bad[at] % sizeof (void *) != 0 || (bad[at] & (bad[at] - 1)) != 0)
      right = posix_memalign (&block, bad[at], 1) == EINVAL && right;
  tap (right && block == before && errno == 4711, "posix_memalign refuses what is no alignment: EINVAL, result and errno untouched");
  right = posix_memalign (&block, 64, SIZE_MAX) == ENOMEM && posix_memalign (&block, 4096, (size_t) PTRDIFF_MAX) == ENOMEM;
  right = posix_memalign (&block, (size_t) 1 << (sizeof (size_t) * CHAR_BIT - 2), SIZE_MAX / 4) == ENOMEM && right;
  tap (right && block == before, "posix_memalign without memory: ENOMEM, result untouched");
  if (tap_is_c_library ())
    tap_skip ("... and errno too", "POSIX does not ask for that, and C libraries differ");
  else
    tap (errno == 4711, "... and errno too");
}

static void
test_alignments (void)
{
  bool right = true;

  for (size_t alignment = 0; alignment < 5000; alignment = alignment * 3 / 2 + 1)
    {
      size_t rounded = 1;
      void *block = memalign (alignment, 100);

      while (rounded < alignment)
        rounded *= 2;
      right = right && block != NULL && ((uintptr_t) block & (rounded - 1)) == 0;
      free (block);
    }
  tap (right, "memalign rounds an alignment up to a power of two");
  errno = 0;
  right = refuses ("memalign", memalign (SIZE_MAX / 2 + 2, 1), EINVAL);
  errno = 0;
  right = refuses ("memalign", memalign (SIZE_MAX, 1), EINVAL) && right;
  tap (right, "memalign refuses what cannot be rounded up: EINVAL");

  if (tap_is_c_library ())
    {
      tap_skip ("aligned_alloc refuses what is no power of two: EINVAL", "C libraries differ");
      return;
    }
  right = true;
  for (size_t alignment = 0; alignment < 5000; alignment = alignment * 3 / 2 + 1)
    if ((alignment & (alignment - 1)) != 0 || alignment == 0)
      {
        errno = 0;
        right = refuses ("aligned_alloc", aligned_alloc (alignment, 100), EINVAL) && right;
      }
  tap (right, "aligned_alloc refuses what is no power of two: EINVAL");
}

static void
test_pages (void)
{
  bool right = true;

  for (size_t size = 1; size < 10 * page; size += 777)
    {
      void *block = pvalloc (size);

      right = right && block != NULL && malloc_usable_size (block) >= (size + page - 1) / page * page;
      free (block);
    }
  tap (right, "pvalloc gives whole pages");
}

/* ---- Contents ---- */

static void
test_calloc (void)
{
  bool zero = true;

  for (unsigned round = 0; round < 30000; round++)
    {
      size_t size = 1 + (round % 50 == 0 ? tap_below (600 * KIB) : tap_below (3000));
      unsigned char *block = malloc (size);

      memset (block, 0xaa, malloc_usable_size (block));
      free (block);
      block = calloc (size, 1);
      zero = zero && is_filled (block, 0, size);
      memset (block, 0xbb, size);
      free (block);
    }
  tap (zero, "calloc's memory is zero after dirty frees");
}

/* A block's byte at a place, for a block of its own number. */
static unsigned char
stamp (unsigned number, size_t at)
{
  return (unsigned char) (at * 7 + number);
}

static bool
is_stamped (const unsigned char *block, unsigned number, size_t size)
{
  for (size_t at = 0; at < size; at++)
    if (block[at] != stamp (number, at))
      return false;
  return true;
}

static void
test_realloc (void)
{
  enum { BLOCKS = 64 };
  unsigned char *block[BLOCKS] = { NULL };
  size_t size[BLOCKS] = { 0 };
  bool right = true;

  for (unsigned round = 0; round < 60000 && right; round++)
    {
      unsigned at = (unsigned) tap_below (BLOCKS);
      size_t to = 1 + (round % 40 == 0 ? tap_below (400 * KIB) : tap_below ((size_t) 16 << tap_below (8)));
      unsigned char *moved = realloc (block[at], to);

      right = moved != NULL && ((uintptr_t) moved & 15) == 0 && is_stamped (moved, at, size[at] < to ? size[at] : to);
      block[at] = moved;
      size[at] = to;
      for (size_t byte = 0; right && byte < to; byte++)
        moved[byte] = stamp (at, byte);
    }
  for (unsigned at = 0; at < BLOCKS; at++)
    free (block[at]);
  tap (right, "realloc keeps the contents through sixty thousand random steps");
}

static void
test_usable (void)
{
  bool right = true;

  for (size_t size = 1; size < 300 * KIB; size = size * 9 / 8 + 1)
    {
      unsigned char *block = malloc (size);
      size_t usable = malloc_usable_size (block);

      memset (block, 0x77, usable);
      block = realloc (block, usable * 2);
      right = right && is_filled (block, 0x77, usable);
      block = realloc (block, size);
      right = right && is_filled (block, 0x77, size);
      free (block);
    }
  tap (right, "all usable bytes are writable, and realloc keeps them");
}

/* ---- What else programs ask of malloc ---- */

static bool
info_is_xml (void)
{
  char text[4096] = "", end[256] = "";
  FILE *file = tmpfile ();
  size_t length;

  if (file == NULL || malloc_info (0, file) != 0)
    return false;
  rewind (file);
  length = fread (text, 1, sizeof text - 1, file);
  text[length] = '\0';
  if (fseek (file, -(long) strlen ("</malloc>\n"), SEEK_END) == 0)
    end[fread (end, 1, sizeof end - 1, file)] = '\0';
  fclose (file);
  return strncmp (text, "<malloc version=\"1\">\n", 21) == 0 && strcmp (end, "</malloc>\n") == 0;
}

static void
test_introspection (void)
{
  void *block = malloc (100 * KIB);
  struct mallinfo2 with = mallinfo2 ();

  tap (with.uordblks + with.hblkhd >= 100 * KIB, "mallinfo2 counts what is in use");
  free (block);
  tap (mallinfo2 ().uordblks + mallinfo2 ().hblkhd < with.uordblks + with.hblkhd, "... and no longer what was freed");
  tap (info_is_xml (), "malloc_info writes one XML element, malloc, of version 1");
  tap (malloc_info (1, stderr) == EINVAL, "malloc_info knows no options: EINVAL");
  tap (mallopt (M_MMAP_THRESHOLD, 128 * 1024) == 1 && mallopt (M_ARENA_MAX, 8) == 1 && mallopt (M_TRIM_THRESHOLD, 128 * 1024) == 1,
       "mallopt accepts the C library's parameters");
  tap (malloc_trim (0) == 0 || malloc_trim (0) <= 1, "malloc_trim says 0 or 1");
}

int
main (void)
{
  tap_seed ();
  test_matrix ();
  test_too_big ();
  test_overflow ();
  test_failed_realloc ();
  test_zero ();
  test_realloc_to_nothing ();
  test_null ();
  test_errno ();
  test_sized_frees ();
  test_posix_memalign ();
  test_alignments ();
  test_pages ();
  test_calloc ();
  test_realloc ();
  test_usable ();
  test_introspection ();
  return tap_end ();
}
