/* SPDX-License-Identifier: MIT */
#include "citizen.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../util.h"

#define PAGE 4096
#define SIZES_MOST 32

void
fork_and_wait (void)
{
  pid_t child = fork ();
  int status;

  if (!child)
    _exit (0);
  if (child < 0)
    die ("no process: %s", strerror (errno));
  while (waitpid (child, &status, 0) < 0)
    if (errno != EINTR)
      die ("no status: %s", strerror (errno));
  if (status)
    die ("a child's status is %d", status);
}

void *
block_try (size_t size)
{
  /* volatile: the compiler must not see that nobody reads the block. */
  volatile char *block = malloc (size);

  if (block)
    for (size_t at = 0; at < size; at += PAGE)
      block[at] = 1;
  return (void *) block;
}

void *
block_new (size_t size)
{
  void *block = block_try (size);

  if (!block)
    out_of_memory (size);
  return block;
}

void
sizes_use (size_t count)
{
  size_t size = 16;

  if (count > SIZES_MOST)
    die ("there are %d sizes, not %zu", SIZES_MOST, count);
  /* Steps of 16 bytes at first, then of a quarter.  The largest is some 16 KiB. */
  for (size_t i = 0; i < count; i++)
    {
      block_new (size);
      size += size < 128 ? 16 : size / 4 / 16 * 16;
    }
}

size_t
status_kib (const char *member)
{
  size_t used = 0, length = strlen (member);
  char text[8192];
  ssize_t got;
  int file;

  file = open ("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    die ("/proc/self/status: %s", strerror (errno));
  while ((got = read (file, text + used, sizeof text - 1 - used)) > 0)
    used += (size_t) got;
  close (file);
  text[used] = 0;
  for (char *line = text; line; line = strchr (line, '\n'))
    {
      line += *line == '\n';
      if (!strncmp (line, member, length) && line[length] == ':')
        return number_of (line + length + 1);
    }
  die ("/proc/self/status has no %s", member);
}

size_t
number_of (const char *word)
{
  char *end;
  unsigned long long number = strtoull (word, &end, 10);

  if (end == word)
    die ("\"%s\" is no number", word);
  return (size_t) number;
}
