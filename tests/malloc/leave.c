/* SPDX-License-Identifier: MIT */
/* leave.c: a program that leaves its directory, and forks a child that exits as it does itself. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int
main (void)
{
  int status = 1;
  pid_t pid;

  free (malloc (100));
  if (chdir ("/") != 0)
    return 1;
  pid = fork ();
  return pid == 0 ? 0 : pid < 0 || waitpid (pid, &status, 0) != pid || status != 0;
}
