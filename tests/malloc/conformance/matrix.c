/* SPDX-License-Identifier: MIT */
/* matrix.c: every size at every alignment, from each way to get a block. */
#include "conformance.h"

#define ALIGNMENT_MAX ((size_t) 4 << 20)
/* Written whole up to this. */
#define FILLED_MAX (64 * KIB)

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

/* Writes what of the block is usable: all of it, or its start and its last page; nothing of what is
   very large. */
static void
fill (unsigned char *block, unsigned char byte, size_t usable)
{
  if (usable == 0 || usable > ((size_t) 64 << 20))
    return;
  memset (block, byte, usable < FILLED_MAX ? usable : FILLED_MAX);
  if (usable > FILLED_MAX)
    memset (block + usable - PAGE, byte, PAGE);
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
        right = tap_no ("%s (%zu, %zu): %zu usable", entry->name, alignment, size,
                        malloc_usable_size (block[at]));
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

void
test_matrix (void)
{
  char fact[128];

  list_sizes ();
  for (size_t at = 0; at < entry_count; at++)
    {
      snprintf (fact, sizeof fact, "%s: every size at every alignment is aligned, "
                "usable to its end, and apart from others", entries[at].name);
      tap (matrix_is_right (&entries[at]), fact);
    }
}

/* So many blocks at once that most calls find one ready, and that chance does not align all. */
enum { MANY = 24 };

/* Each is filled with its number, and all of it is still there when the last one is. */
static bool
many_are_right (const struct entry *entry, size_t alignment, size_t size)
{
  unsigned char *block[MANY];
  bool right = true;

  for (unsigned at = 0; at < MANY; at++)
    {
      block[at] = entry->allocate (alignment, size);
      if (block[at] == NULL || ((uintptr_t) block[at] & (alignment - 1)) != 0
          || malloc_usable_size (block[at]) < size)
        right = tap_no ("%s (%zu, %zu): %p", entry->name, alignment, size, (void *) block[at]);
      else
        memset (block[at], (int) at, malloc_usable_size (block[at]));
    }
  for (unsigned at = 0; at < MANY; at++)
    if (right && !is_filled (block[at], (unsigned char) at, malloc_usable_size (block[at])))
      right = tap_no ("%s (%zu, %zu): blocks overlap", entry->name, alignment, size);
  for (unsigned at = 0; at < MANY; at++)
    free (block[at]);
  return right;
}

void
test_many (void)
{
  char fact[128];

  for (size_t at = 0; at < entry_count; at++)
    {
      bool right = true;

      if (entries[at].alignment != 0)
        continue;
      for (size_t alignment = 1; alignment <= 4 * KIB; alignment *= 2)
        for (size_t size = 0; size <= 1100 && right; size++)
          right = many_are_right (&entries[at], alignment, size);
      snprintf (fact, sizeof fact, "%s: of every small size, many blocks at once are aligned and "
                "apart", entries[at].name);
      tap (right, fact);
    }
}

void
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

void
test_pages (void)
{
  bool right = true;

  for (size_t size = 1; size < 10 * PAGE; size += 777)
    {
      void *block = pvalloc (size);

      right = right && block != NULL
              && malloc_usable_size (block) >= (size + PAGE - 1) / PAGE * PAGE;
      free (block);
    }
  tap (right, "pvalloc gives whole pages");
}
