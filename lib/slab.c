/* SPDX-License-Identifier: MIT */
#include "slab.h"

#include <string.h>

void
sy_slab_fill (struct sy_slab *slab, struct sy_slab_bits *bits)
{
  unsigned blocks = sy_size_classes[slab->class].blocks;

  memset (bits->word, 0, sizeof bits->word);
  memset (bits->word, 0xff, blocks / 64 * sizeof bits->word[0]);
  if (blocks % 64 != 0)
    bits->word[blocks / 64] = ((uint64_t) 1 << blocks % 64) - 1;
  slab->free_count = (uint16_t) blocks;
  slab->first_word = 0;
}

unsigned
sy_slab_take (struct sy_slab *slab, struct sy_slab_bits *bits, char *start, unsigned count, void **top, bool *zeroed)
{
  size_t bytes = sy_size_classes[slab->class].bytes;
  unsigned word = slab->first_word, taken = 0, last = 0;

  if (count > slab->free_count)
    count = slab->free_count;
  while (taken < count)
    {
      uint64_t left = bits->word[word];
      char *first = start + 64 * word * bytes;

      if (left != 0 && 64 * word + (unsigned) __builtin_ctzll (left) < slab->touched)
        *zeroed = false;
      for (; left != 0 && taken < count; left &= left - 1, taken++)
        {
          last = 64 * word + (unsigned) __builtin_ctzll (left);
          *--top = first + (last - 64 * word) * bytes;
        }
      bits->word[word] = left;
      if (left == 0)
        word++;
    }
  if (count != 0 && last >= slab->touched)
    slab->touched = (uint16_t) (last + 1);
  slab->first_word = (uint16_t) word;
  slab->free_count = (uint16_t) (slab->free_count - count);
  return count;
}

bool
sy_slab_is_valid (const struct sy_slab *slab, const struct sy_slab_bits *bits)
{
  unsigned blocks = sy_size_classes[slab->class].blocks, set = 0;

  for (unsigned word = 0; word < SY_SLAB_WORDS; word++)
    {
      unsigned last = word * 64 + 64;
      uint64_t possible = last <= blocks ? UINT64_MAX : last - blocks >= 64 ? 0 : UINT64_MAX >> (last - blocks);

      if ((bits->word[word] & ~possible) != 0 || (word < slab->first_word && bits->word[word] != 0))
        return false;
      set += (unsigned) __builtin_popcountll (bits->word[word]);
    }
  return set == slab->free_count;
}
