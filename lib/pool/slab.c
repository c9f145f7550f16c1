/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/slab.h"

#include <string.h>

#include "base/metadata.h"

/* ---- Memory ---- */

#define LINES_MAX ((sizeof (struct sy_slab) + sizeof (struct sy_slab_bits)) / SY_LINE_BYTES + 1)

/* Under the lock.  Unused states are linked by `next`, by their length. */
static struct {
  struct sy_lock lock;
  struct sy_slab *unused[LINES_MAX + 1];
  char *fresh, *end;  /* memory for states that never were; taken from its end */
} memory = { .lock = SY_LOCK_INIT (SY_RANK_SLABS) };

/* How many lines the state of a slab of the class takes. */
static size_t
lines_of (unsigned class)
{
  size_t bytes = sizeof (struct sy_slab) + sy_class_words (class) * sizeof (uint64_t);

  return (bytes + SY_LINE_BYTES - 1) / SY_LINE_BYTES;
}

static struct sy_slab *
take_fresh (size_t lines)
{
  size_t bytes = lines * SY_LINE_BYTES;
  char *start;

  if ((size_t) (memory.end - memory.fresh) < bytes)
    {
      start = sy_metadata_take (SY_STATES_BYTES, SY_LINE_BYTES);
      if (start == NULL)
        return NULL;
      /* Metadata grow down: often this lies right below what is left. */
      if (start + SY_STATES_BYTES != memory.fresh)
        memory.end = start + SY_STATES_BYTES;
      memory.fresh = start;
    }
  memory.end -= bytes;
  return (struct sy_slab *) (void *) memory.end;
}

struct sy_slab *
sy_slab_new (unsigned class)
{
  size_t lines = lines_of (class);

  sy_lock_take (&memory.lock);

  struct sy_slab *slab = memory.unused[lines];

  if (slab != NULL)
    memory.unused[lines] = slab->next;
  else
    slab = take_fresh (lines);
  sy_lock_release (&memory.lock);
  if (slab != NULL)
    slab->class = (uint8_t) class;
  return slab;
}

void
sy_slab_delete (struct sy_slab *slab)
{
  size_t lines = lines_of (slab->class);

  sy_lock_take (&memory.lock);
  slab->next = memory.unused[lines];
  memory.unused[lines] = slab;
  sy_lock_release (&memory.lock);
}

struct sy_lock *
sy_slab_lock (void)
{
  return &memory.lock;
}

/* ---- Bits ---- */

void
sy_slab_fill (struct sy_slab *slab)
{
  unsigned blocks = sy_size_classes[slab->class].blocks;

  memset (slab->word, 0, sy_class_words (slab->class) * sizeof (uint64_t));
  memset (slab->word, 0xff, blocks / 64 * sizeof (uint64_t));
  if (blocks % 64 != 0)
    slab->word[blocks / 64] = ((uint64_t) 1 << blocks % 64) - 1;
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
      uint64_t left = slab->word[word];
      char *first = start + 64 * word * bytes;

      if (left != 0 && 64 * word + (unsigned) __builtin_ctzll (left) < slab->touched)
        *zeroed = false;
      for (; left != 0 && taken < count; left &= left - 1, taken++)
        {
          last = 64 * word + (unsigned) __builtin_ctzll (left);
          *--top = first + (last - 64 * word) * bytes;
        }
      slab->word[word] = left;
      if (left == 0)
        word++;
    }
  if (count != 0 && last >= slab->touched)
    slab->touched = (uint16_t) (last + 1);
  slab->first_word = (uint8_t) word;
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
sy_slab_page_is_in (unsigned class, const uint64_t *set, size_t page, size_t page_bytes)
{
  unsigned last, first = blocks_of_page (&sy_size_classes[class], page, page_bytes, &last);

  if (first >= sy_size_classes[class].blocks)
    return false;
  for (unsigned word = first / 64; word <= last / 64; word++)
    if ((~set[word] & mask_of (word, first, last)) != 0)
      return false;
  return true;
}

unsigned
sy_slab_take_pages (struct sy_slab *slab, struct sy_slab_bits *taken, size_t page_bytes)
{
  const struct sy_size_class *class = &sy_size_classes[slab->class];
  size_t touched_bytes = (size_t) slab->touched * class->bytes;
  unsigned count = 0;

  memset (taken, 0, sy_class_words (slab->class) * sizeof (uint64_t));
  for (size_t page = 0; page * page_bytes < touched_bytes; page++)
    if (sy_slab_page_is_in (slab->class, slab->word, page, page_bytes))
      {
        unsigned last, first = blocks_of_page (class, page, page_bytes, &last);

        for (unsigned word = first / 64; word <= last / 64; word++)
          taken->word[word] |= mask_of (word, first, last);
      }
  for (unsigned word = 0; word < sy_class_words (slab->class); word++)
    {
      slab->word[word] &= ~taken->word[word];
      count += (unsigned) __builtin_popcountll (taken->word[word]);
    }
  slab->free_count = (uint16_t) (slab->free_count - count);
  return count;
}

bool
sy_slab_put_all (struct sy_slab *slab, const struct sy_slab_bits *taken, unsigned count)
{
  for (unsigned word = 0; word < sy_class_words (slab->class); word++)
    {
      if ((slab->word[word] & taken->word[word]) != 0)
        return false;
      slab->word[word] |= taken->word[word];
      if (taken->word[word] != 0 && word < slab->first_word)
        slab->first_word = (uint8_t) word;
    }
  slab->free_count = (uint16_t) (slab->free_count + count);
  return true;
}

bool
sy_slab_is_valid (const struct sy_slab *slab)
{
  unsigned blocks = sy_size_classes[slab->class].blocks, set = 0;

  for (unsigned word = 0; word < sy_class_words (slab->class); word++)
    {
      unsigned last = word * 64 + 64;
      uint64_t possible = last <= blocks        ? UINT64_MAX
                          : last - blocks >= 64 ? 0
                                                : UINT64_MAX >> (last - blocks);

      if ((slab->word[word] & ~possible) != 0
          || (word < slab->first_word && slab->word[word] != 0))
        return false;
      set += (unsigned) __builtin_popcountll (slab->word[word]);
    }
  return set == slab->free_count;
}
