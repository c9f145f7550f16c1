/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/slab.h"

#include <string.h>

void
sy_slab_fill (struct sy_slab *slab)
{
  unsigned blocks = sy_size_classes[slab->class].blocks;

  memset (slab->bits.word, 0, sizeof slab->bits.word);
  memset (slab->bits.word, 0xff, blocks / 64 * sizeof (uint64_t));
  if (blocks % 64 != 0)
    slab->bits.word[blocks / 64] = ((uint64_t) 1 << blocks % 64) - 1;
  slab->free_count = (uint16_t) blocks;
  slab->first_word = 0;
  slab->last_free_count = slab->purged = UINT16_MAX;
}

unsigned
sy_slab_take (struct sy_slab *slab, char *start, unsigned count, void **top, bool *zeroed)
{
  size_t bytes = sy_size_classes[slab->class].bytes;
  unsigned word = slab->first_word, taken = 0, last = 0;

  if (count > slab->free_count)
    count = slab->free_count;
  while (taken < count)
    {
      uint64_t left = slab->bits.word[word];
      char *first = start + 64 * word * bytes;

      if (left != 0 && 64 * word + (unsigned) __builtin_ctzll (left) < slab->touched)
        *zeroed = false;
      for (; left != 0 && taken < count; left &= left - 1, taken++)
        {
          last = 64 * word + (unsigned) __builtin_ctzll (left);
          *--top = first + (last - 64 * word) * bytes;
        }
      slab->bits.word[word] = left;
      if (left == 0)
        word++;
    }
  if (count != 0 && last >= slab->touched)
    slab->touched = (uint16_t) (last + 1);
  slab->first_word = (uint16_t) word;
  slab->free_count = (uint16_t) (slab->free_count - count);
  slab->purged = UINT16_MAX;
  return count;
}

/* A mask of the bits in the word that have the numbers from first to last. */
static uint64_t
mask_of (unsigned word, unsigned first, unsigned last)
{
  uint64_t from = word == first / 64 ? UINT64_MAX << first % 64 : UINT64_MAX;
  uint64_t to = word == last / 64 ? UINT64_MAX >> (63 - last % 64) : UINT64_MAX;

  return from & to;
}

/* The blocks that overlap the page: from the returned number to *last.  There is at least one. */
static unsigned
blocks_of_page (const struct sy_size_class *class, size_t page, size_t page_bytes, unsigned *last)
{
  *last = sy_class_block (class, (page + 1) * page_bytes - 1);
  if (*last >= class->blocks)
    *last = class->blocks - 1;
  return sy_class_block (class, page * page_bytes);
}

bool
sy_slab_page_is_in (unsigned class, const struct sy_slab_bits *set, size_t page, size_t page_bytes)
{
  unsigned last, first = blocks_of_page (&sy_size_classes[class], page, page_bytes, &last);

  if (first >= sy_size_classes[class].blocks)
    return false;
  for (unsigned word = first / 64; word <= last / 64; word++)
    if ((~set->word[word] & mask_of (word, first, last)) != 0)
      return false;
  return true;
}

unsigned
sy_slab_take_pages (struct sy_slab *slab, struct sy_slab_bits *taken, size_t page_bytes)
{
  const struct sy_size_class *class = &sy_size_classes[slab->class];
  size_t touched_bytes = (size_t) slab->touched * class->bytes;
  unsigned count = 0;

  memset (taken, 0, sizeof *taken);
  for (size_t page = 0; page * page_bytes < touched_bytes; page++)
    if (sy_slab_page_is_in (slab->class, &slab->bits, page, page_bytes))
      {
        unsigned last, first = blocks_of_page (class, page, page_bytes, &last);

        for (unsigned word = first / 64; word <= last / 64; word++)
          taken->word[word] |= mask_of (word, first, last);
      }
  for (unsigned word = 0; word < SY_SLAB_WORDS; word++)
    {
      slab->bits.word[word] &= ~taken->word[word];
      count += (unsigned) __builtin_popcountll (taken->word[word]);
    }
  slab->free_count = (uint16_t) (slab->free_count - count);
  return count;
}

bool
sy_slab_put_all (struct sy_slab *slab, const struct sy_slab_bits *taken, unsigned count)
{
  for (unsigned word = 0; word < SY_SLAB_WORDS; word++)
    {
      if ((slab->bits.word[word] & taken->word[word]) != 0)
        return false;
      slab->bits.word[word] |= taken->word[word];
      if (taken->word[word] != 0 && word < slab->first_word)
        slab->first_word = (uint16_t) word;
    }
  slab->free_count = (uint16_t) (slab->free_count + count);
  return true;
}

bool
sy_slab_is_valid (const struct sy_slab *slab)
{
  unsigned blocks = sy_size_classes[slab->class].blocks, set = 0;

  for (unsigned word = 0; word < SY_SLAB_WORDS; word++)
    {
      unsigned last = word * 64 + 64;
      uint64_t possible = last <= blocks        ? UINT64_MAX
                          : last - blocks >= 64 ? 0
                                                : UINT64_MAX >> (last - blocks);

      if ((slab->bits.word[word] & ~possible) != 0
          || (word < slab->first_word && slab->bits.word[word] != 0))
        return false;
      set += (unsigned) __builtin_popcountll (slab->bits.word[word]);
    }
  return set == slab->free_count;
}
