/* SPDX-License-Identifier: MIT */
/* core_size.c: a core dump of the process has what it uses, not the addresses that are reserved. */
#define _GNU_SOURCE
#include "tap.h"

#define MIB ((size_t) 1 << 20)

/* Blocks of all sizes, and a large one, so that each kind of memory is there. */
static void
use_memory (void)
{
  for (size_t size = 1; size < 140000; size += size / 8 + 1)
    memset (malloc (size), 1, size);
  memset (malloc (3 * MIB), 1, 3 * MIB);
}

/* Bytes of all mappings that a core dump has, whoever writes it: those without "dd" among their
   flags. */
static size_t
dumped_bytes (void)
{
  FILE *file = fopen ("/proc/self/smaps", "r");
  size_t bytes = 0, kib = 0;
  char line[512];

  if (file == NULL)
    return 0;
  while (fgets (line, sizeof line, file) != NULL)
    if (sscanf (line, "Size: %zu kB", &kib) != 1 && strncmp (line, "VmFlags:", 8) == 0
        && strstr (line, " dd") == NULL)
      bytes += kib << 10;
  fclose (file);
  return bytes;
}

int
main (void)
{
  size_t bytes;

  use_memory ();
  bytes = dumped_bytes ();
  printf ("# %zu KiB\n", bytes >> 10);
  if (bytes == 0)
    tap_skip ("a core dump has what is used", "the system does not say");
  else
    tap (bytes > 3 * MIB && bytes < 64 * MIB, "a core dump has what is used, not what is reserved");
  return tap_end ();
}
