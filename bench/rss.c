/* SPDX-License-Identifier: MIT */
/* rss.c: resident memory from /proc on Linux, from getrusage elsewhere. */
#include "rss.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The file's text up to capacity - 1 bytes, NUL-terminated; empty where there is no such file. */
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

size_t
rss_now (void)
{
  char text[128], *resident;
  long page_bytes = sysconf (_SC_PAGESIZE);

  read_text ("/proc/self/statm", text, sizeof text);
  resident = strchr (text, ' ');
  return resident ? strtoul (resident, NULL, 10) * (size_t) page_bytes / 1024 : 0;
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
