/* SPDX-License-Identifier: MIT */
/* kernel.c: the kernels' command line, threads, stamps and report. */
#include "kernel.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../arguments.h"
#include "../timing.h"

#define WORD sizeof (uint64_t)
#define STAMP_EVERY 4096u /* bytes, so that every page of a large block is written and read */
#define SCALE_MAX 1000.0

/* ---- The command line ---- */

static void
usage (const struct kernel *k)
{
  printf (
    "usage: %s [options]\n%s\n  --threads N  [%u]\n  --scale X    of the work [1]\n  --seed N     [1]\n",
    k->name, k->what, k->threads);
  for (unsigned i = 0; i < k->options_used; i++)
    printf ("  %s N  %s [%lu]\n", k->options[i].name, k->options[i].what, k->options[i].value);
  exit (fflush (stdout) ? 1 : 0);
}

static bool
read_own_option (struct kernel *k, const char *name, const char *word)
{
  for (unsigned i = 0; i < k->options_used; i++)
    if (strcmp (name, k->options[i].name) == 0)
      {
        k->options[i].value = (unsigned long) whole_number (name, word, k->options[i].least,
                                                            k->options[i].most);
        return true;
      }
  return false;
}

void
kernel_begin (struct kernel *k, int count, char **words)
{
  program_name = k->name;
  k->scale = 1;
  k->seed = 1;
  for (int i = 1; i < count; i += 2)
    {
      const char *name = words[i], *word = i + 1 < count ? words[i + 1] : "";

      if (strcmp (name, "--help") == 0)
        usage (k);
      else if (strcmp (name, "--threads") == 0)
        k->threads = (unsigned) whole_number (name, word, 1, KERNEL_THREADS_MAX);
      else if (strcmp (name, "--scale") == 0)
        k->scale = number_over_zero (name, word, SCALE_MAX);
      else if (strcmp (name, "--seed") == 0)
        k->seed = whole_number (name, word, 0, UINT64_MAX);
      else if (!read_own_option (k, name, word))
        refuse ("%s is no option; --help lists them", name);
    }
  k->start_ns = clock_ns ();
}

uint64_t
kernel_scaled (const struct kernel *k, uint64_t n)
{
  double scaled = (double) n * k->scale;

  return scaled < 1 ? 1 : (uint64_t) scaled;
}

void
tally_add (struct tally *all, const struct tally *part)
{
  all->operations += part->operations;
  all->checksum += part->checksum;
}

int
kernel_end (const struct kernel *k, struct tally tally)
{
  uint64_t elapsed_ns = clock_ns () - k->start_ns;

  printf ("%s threads=%u", k->name, k->threads);
  for (unsigned i = 0; i < k->options_used; i++)
    printf (" %s=%lu", k->options[i].name + 2, k->options[i].value);
  printf (" seed=%" PRIu64 " operations=%" PRIu64 " checksum=%016" PRIx64 " elapsed_ns=%" PRIu64
          "\n",
          k->seed, tally.operations, tally.checksum, elapsed_ns);
  return fflush (stdout) || ferror (stdout) ? 1 : 0;
}

/* ---- Threads ---- */

void
kernel_threads (unsigned count, void *(*work) (void *), void *arguments, size_t each)
{
  pthread_t threads[KERNEL_THREADS_MAX];

  for (unsigned i = 0; i < count; i++)
    {
      int error = pthread_create (&threads[i], NULL, work, (char *) arguments + i * each);

      if (error)
        die ("no thread: %s", strerror (error));
    }
  for (unsigned i = 0; i < count; i++)
    pthread_join (threads[i], NULL);
}

/* ---- Sizes and stamps ---- */

size_t
kernel_server_size (struct random *random)
{
  uint32_t percent = random_below (random, 100);

  if (percent < 45)
    return random_between (random, 16, 64);
  if (percent < 75)
    return random_between (random, 65, 256);
  if (percent < 92)
    return random_between (random, 257, 1024);
  return random_between (random, 1025, 4096);
}

void
kernel_corrupt (const void *start, size_t size, size_t offset)
{
  die ("corrupt: block %p of %zu bytes is not what was written to it, at byte %zu", start, size,
       offset);
}

static void
put_word (unsigned char *at, uint64_t word)
{
  memcpy (at, &word, WORD);
}

static uint64_t
get_word (const unsigned char *at)
{
  uint64_t word;

  memcpy (&word, at, WORD);
  return word;
}

void
kernel_stamp (struct stamped *b, uint64_t stamp)
{
  b->stamp = stamp;
  put_word (b->start + b->size - WORD, ~stamp);
  for (size_t at = 0; at + 2 * WORD <= b->size; at += STAMP_EVERY)
    put_word (b->start + at, stamp ^ at);
}

void
kernel_verify (const struct stamped *b, size_t bytes, struct tally *tally)
{
  for (size_t at = 0; at + 2 * WORD <= bytes; at += STAMP_EVERY)
    if (get_word (b->start + at) != (b->stamp ^ at))
      kernel_corrupt (b->start, b->size, at);
  if (bytes == b->size && get_word (b->start + bytes - WORD) != ~b->stamp)
    kernel_corrupt (b->start, b->size, bytes - WORD);
  tally->checksum += get_word (b->start);
}

void
kernel_new_block (struct stamped *b, size_t size, uint64_t stamp)
{
  b->start = malloc (size);
  if (!b->start)
    out_of_memory (size);
  b->size = size;
  kernel_stamp (b, stamp);
}

void
kernel_free_block (struct stamped *b, struct tally *tally)
{
  kernel_verify (b, b->size, tally);
  free (b->start);
  b->start = NULL;
}
