/* SPDX-License-Identifier: MIT */
/* rss.c: reads resident memory from /proc on Linux, and from getrusage elsewhere. */
#include "rss.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t begin_kib; /* resident at rss_begin, without mapped files */

/*
 * Reads up to capacity - 1 bytes of a file and adds a NUL.  The text is empty if there is no such
 * file.
 */
static void
read_text (const char *path, char *text, size_t capacity)
{
  size_t length = 0;
  ssize_t got;
  int file = open (path, O_RDONLY | O_CLOEXEC);

  if (file >= 0)
    {
      while (length < capacity - 1 && (got = read (file, text + length, capacity - 1 - length)) > 0)
        length += (size_t) got;
      close (file);
    }
  text[length] = '\0';
}

/*
 * Reads all resident memory, and the part of it that is backed by files.  Both are 0 if the system
 * does not tell.
 */
static void
read_statm (size_t *resident_kib, size_t *files_kib)
{
  char text[128], *rest;
  size_t page_bytes = (size_t) sysconf (_SC_PAGESIZE);

  *resident_kib = *files_kib = 0;
  read_text ("/proc/self/statm", text, sizeof text);
  rest = strchr (text, ' ');
  if (rest)
    {
      *resident_kib = strtoul (rest, &rest, 10) * page_bytes / 1024;
      *files_kib = strtoul (rest, &rest, 10) * page_bytes / 1024;
    }
}

size_t
rss_now (void)
{
  size_t resident_kib, files_kib;

  read_statm (&resident_kib, &files_kib);
  return resident_kib;
}

void
rss_begin (void)
{
  size_t resident_kib, files_kib;

  read_statm (&resident_kib, &files_kib);
  begin_kib = resident_kib - files_kib;
}

size_t
rss_grown (size_t resident_kib)
{
  size_t now_kib, files_kib;

  read_statm (&now_kib, &files_kib);
  return resident_kib > files_kib + begin_kib ? resident_kib - files_kib - begin_kib : 0;
}

size_t
rss_peak (void)
{
  char text[4096];
  const char *line;
  struct rusage usage;

  read_text ("/proc/self/status", text, sizeof text);
  line = strstr (text, "VmHWM:");
  if (line)
    return strtoul (line + strlen ("VmHWM:"), NULL, 10);
  return getrusage (RUSAGE_SELF, &usage) ? 0 : (size_t) usage.ru_maxrss;
}

bool
rss_peak_forget (void)
{
  int file = open ("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  bool done;

  if (file < 0)
    return false;
  done = write (file, "5", 1) == 1;
  close (file);
  return done;
}
