/* SPDX-License-Identifier: MIT */
/*
 * realloc_growth.c: several vectors grow by realloc in turns, as programs build strings and arrays:
 * by half of their size, or by a fixed step.  One word of each 64 bytes is written when the vector
 * grows over it, and read at the end.  After each growth the last old word and a random one are
 * read.
 */
#include <stdlib.h>
#include <string.h>
#include "kernel.h"

#define SIZE_FIRST 64u
#define WORD_EVERY 64u
#define ROUNDS 4u /* in a round all vectors grow from nothing to their limit */
#define VECTORS_MAX 256u

enum { STEP, LIMIT, VECTORS };
static struct kernel_option options[] = {
  [STEP] = { "--step", "bytes of one growth; 0: half of what there is", 0, 0, 1 << 30 },
  [LIMIT] = { "--limit", "KiB at which a vector is full", 24 * 1024, 1, 1 << 22 },
  [VECTORS] = { "--vectors", "that grow in turn, a thread", 4, 1, VECTORS_MAX },
};
static struct kernel kernel = {
  .name = "realloc_growth",
  .what = "Vectors grow by realloc from 64 bytes to their limit, several in turn.",
  .threads = 1,
  .options = options,
  .options_used = 3,
};

struct vector {
  unsigned char *start;
  size_t size; /* a multiple of WORD_EVERY */
  uint64_t stamp;
};

struct worker {
  struct random random;
  struct tally tally;
  struct vector vectors[VECTORS_MAX];
} __attribute__ ((__aligned__ (128)));

static void
check_word (struct worker *w, const struct vector *v, size_t at)
{
  uint64_t word;

  memcpy (&word, v->start + at, sizeof word);
  if (word != v->stamp + at)
    kernel_corrupt (v->start, v->size, at);
  w->tally.checksum += word;
}

static void
write_words (struct vector *v, size_t from)
{
  for (size_t at = from; at < v->size; at += WORD_EVERY)
    {
      uint64_t word = v->stamp + at;

      memcpy (v->start + at, &word, sizeof word);
    }
}

static size_t
next_size (size_t size, size_t limit)
{
  size_t more = options[STEP].value ? options[STEP].value : size / 2;

  if (!size)
    return SIZE_FIRST;
  more = (more + WORD_EVERY - 1) / WORD_EVERY * WORD_EVERY;
  return limit - size > more ? size + more : limit;
}

/* Grows a vector: from nothing to the first size, and then on. */
static void
grow (struct worker *w, struct vector *v, size_t limit)
{
  size_t old = v->size, size = next_size (old, limit);
  unsigned char *start = realloc (v->start, size);

  if (!start)
    out_of_memory (size);
  v->start = start;
  v->size = size;
  w->tally.operations++;
  if (old)
    {
      check_word (w, v, old - WORD_EVERY);
      check_word (w, v, random_below (&w->random, old / WORD_EVERY) * (size_t) WORD_EVERY);
    }
  else
    v->stamp = random_next (&w->random);
  write_words (v, old);
}

static void
check_and_free (struct worker *w, struct vector *v)
{
  for (size_t at = 0; at < v->size; at += WORD_EVERY)
    check_word (w, v, at);
  free (v->start);
  *v = (struct vector) { NULL, 0, 0 };
}

static void *
work (void *argument)
{
  struct worker *w = argument;
  size_t limit = (size_t) kernel_scaled (&kernel, options[LIMIT].value * 1024 / WORD_EVERY)
                 * WORD_EVERY;
  unsigned vectors = (unsigned) options[VECTORS].value, full;

  for (unsigned round = 0; round < ROUNDS; round++)
    {
      do
        {
          full = 0;
          for (unsigned i = 0; i < vectors; i++)
            if (w->vectors[i].size < limit)
              grow (w, &w->vectors[i], limit);
            else
              full++;
        }
      while (full < vectors);
      for (unsigned i = 0; i < vectors; i++)
        check_and_free (w, &w->vectors[i]);
    }
  return NULL;
}

int
main (int count, char **words)
{
  struct worker *workers;
  struct tally all = { 0, 0 };

  kernel_begin (&kernel, count, words);
  workers = array_new (kernel.threads, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    workers[i].random.state = kernel.seed * KERNEL_THREADS_MAX + i;
  kernel_threads (kernel.threads, work, workers, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    tally_add (&all, &workers[i].tally);
  array_delete (workers);
  return kernel_end (&kernel, all);
}
