/* SPDX-License-Identifier: MIT */
/*
 * chunk.c: for the pool's fallback in the drop-in: what heap_libc.c asks of the C library by names that the drop-in itself defines and that
 * the C library has no second name for.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

size_t sy_chunk_usable (void *block);
int sy_chunk_trim (size_t pad);

/* glibc's chunk: the word before the block is its size and three flags; a mapped chunk (flag 2) has two words of its own, another one. */
size_t
sy_chunk_usable (void *block)
{
  size_t word;

  memcpy (&word, (char *) block - sizeof word, sizeof word);
  return (word & ~(size_t) 7) - (word & 2 ? 2 : 1) * sizeof word;
}

/* The C library gives the end of its heap back on its own. */
int
sy_chunk_trim (size_t pad)
{
  (void) pad;
  return 0;
}
