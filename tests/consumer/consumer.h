/* SPDX-License-Identifier: MIT */
/* The program behind both consumers: what a user of the installed library writes, in the common
   part of C99 and C++98. */
#include <sydra/alloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 1000

static void
expect (bool condition, const char *what)
{
  if (condition)
    return;
  fprintf (stderr, "consumer: %s\n", what);
  exit (1);
}

static int
print (void *ctx, const char *text, size_t length)
{
  (void) ctx;
  return fwrite (text, 1, length, stdout) == length ? 0 : 1;
}

/* A handle made with a name; blocks allocated, grown, freed; the counts right; the handle empty
   at its end. */
static int
consume (const char *mode, const char *version)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *a;
  struct sydra_stats stats;
  void *blocks[BLOCKS];
  size_t i;

  expect (strcmp (sydra_alloc_mode (), mode) == 0, "the mode is not the configured one");
  expect (strcmp (sydra_alloc_version (), version) == 0, "the version is not the configured one");
  options.name = "consumer";
  a = sydra_alloc_create (&options);
  expect (a != NULL, "no handle");
  for (i = 0; i < BLOCKS; i++)
    {
      blocks[i] = sydra_malloc (a, i);
      expect (blocks[i] != NULL, "no block");
      memset (blocks[i], (int) (i & 127), i);
      blocks[i] = sydra_realloc (a, blocks[i], 2 * i + 1);
      expect (blocks[i] != NULL && (i == 0 || ((char *) blocks[i])[i - 1] == (char) (i & 127)),
              "realloc lost the contents");
    }
  stats.size = sizeof stats;
  expect (sydra_stats_get (a, &stats) == 0 && stats.in_use == BLOCKS,
          "the blocks in use were miscounted");
  sydra_free_batch (a, BLOCKS, blocks);
  expect (sydra_stats_write (a, SYDRA_STATS_JSON, print, NULL) == 0, "no statistics");
  expect (sydra_alloc_destroy (a) == 0, "a block is still live");
  return 0;
}
