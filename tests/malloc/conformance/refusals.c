/* SPDX-License-Identifier: MIT */
/* refusals.c: sizes and alignments that cannot be. */
#include "conformance.h"

void
test_too_big (void)
{
  bool right = true;

  for (size_t at = 0; at < entry_count; at++)
    for (size_t step = 0; step < 24; step++)
      {
        /* From PTRDIFF_MAX + 1, and down from SIZE_MAX: near the end pvalloc's rounding wraps
           round. */
        size_t size = step < 12 ? (size_t) PTRDIFF_MAX + ((size_t) 1 << step)
                      : SIZE_MAX - ((size_t) 1 << (step - 12)) + 1;

        errno = 0;
        right = refuses (entries[at].name, entries[at].allocate (16, size), ENOMEM) && right;
      }
  tap (right, "no call gives a block of more than PTRDIFF_MAX: NULL and ENOMEM");
}

void
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

void
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

void
test_posix_memalign (void)
{
  static const size_t bad[] = { 0, 1, 2, 3, 4, 7, 12, 24, 48, 100, SIZE_MAX, SIZE_MAX / 2,
                                (SIZE_MAX / 2 + 1) | 8 };
  void *const before = &tap_count;
  void *block = before;
  size_t alignment;
  bool right = true;

  free (malloc (1)); /* so that a block lies ready */
  errno = 4711;
  for (size_t at = 0; at < COUNT_OF (bad); at++)
    if (bad[at] < sizeof (void *) || bad[at] % sizeof (void *) != 0
        || (bad[at] & (bad[at] - 1)) != 0)
      right = posix_memalign (&block, bad[at], 1) == EINVAL && right;
  tap (right && block == before && errno == 4711,
       "posix_memalign refuses what is no alignment: EINVAL, result and errno untouched");
  right = posix_memalign (&block, 64, SIZE_MAX) == ENOMEM
          && posix_memalign (&block, 4096, (size_t) PTRDIFF_MAX) == ENOMEM;
  alignment = (size_t) 1 << (sizeof (size_t) * CHAR_BIT - 2);
  right = posix_memalign (&block, alignment, SIZE_MAX / 4) == ENOMEM && right;
  tap (right && block == before, "posix_memalign without memory: ENOMEM, result untouched");
  if (tap_is_c_library ())
    tap_skip ("posix_memalign without memory leaves errno",
              "POSIX does not ask for that, and C libraries differ");
  else
    tap (errno == 4711, "posix_memalign without memory leaves errno");
}

void
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
