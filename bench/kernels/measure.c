/* SPDX-License-Identifier: MIT */
/*
 * measure.c: measure FILE LIBRARY COMMAND...
 *
 * Runs the command with the library preloaded ("": none).  Writes to the file: the elapsed time in
 * ns, user and system time together in us, and the peak KiB of the largest process among the
 * command and the processes that it waited for.  The exit status is the command's.  This program is
 * small, because a process inherits the peak of the one that forked it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../timing.h"
#include "../util.h"

static void
run (const char *library, char **command)
{
  if (*library && setenv ("LD_PRELOAD", library, 1))
    die ("no environment: %s", strerror (errno));
  execvp (*command, command);
  die ("%s: %s", *command, strerror (errno));
}

static unsigned long long
microseconds (struct timeval t)
{
  return (unsigned long long) t.tv_sec * 1000000 + (unsigned long long) t.tv_usec;
}

static void
report (const char *path, uint64_t elapsed_ns, const struct rusage *usage)
{
  FILE *file = fopen (path, "w");

  if (!file
      || fprintf (file, "%llu %llu %ld\n", (unsigned long long) elapsed_ns,
                  microseconds (usage->ru_utime) + microseconds (usage->ru_stime), usage->ru_maxrss)
           < 0
      || fclose (file))
    die ("%s: %s", path, strerror (errno));
}

int
main (int count, char **words)
{
  struct rusage usage;
  uint64_t start_ns;
  pid_t child;
  int status;

  program_name = "measure";
  if (count < 4)
    die ("usage: measure FILE LIBRARY COMMAND...");
  unsetenv ("LD_PRELOAD");
  start_ns = clock_ns ();
  child = fork ();
  if (child < 0)
    die ("no process: %s", strerror (errno));
  if (!child)
    run (words[2], words + 3);
  while (wait4 (child, &status, 0, &usage) < 0)
    if (errno != EINTR)
      die ("no status of the command: %s", strerror (errno));
  report (words[1], clock_ns () - start_ns, &usage);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}
