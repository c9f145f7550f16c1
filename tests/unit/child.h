/* SPDX-License-Identifier: MIT */
/*
 * child.h: a body in a forked child: how it ended, and what it wrote on standard error.
 *
 * Each of check's assertions takes a mutex of its own, passed or not: where other threads use them,
 * neither a child's body nor the way to it may, as the fork may have met one in the middle.
 * test_must is of use there.
 */
#ifndef SY_TEST_CHILD_H
#define SY_TEST_CHILD_H

#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct child
{
  int status;        /* as of waitpid */
  char text[4096];   /* the first of its standard error */
};

/* The exit status of a child that found a fault. */
#define CHILD_FAILED 99

/* For a child's body, and the programs it stands for: if the condition is false, ends the process
   with a line.  Takes no lock of check's. */
static inline void __attribute__ ((format (printf, 2, 3), unused))
require (bool condition, const char *format, ...)
{
  va_list arguments;

  if (condition)
    return;
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  _exit (CHILD_FAILED);
}

/* body returns the child's exit status. */
static inline struct child
child_run (int (*body) (void *argument), void *argument)
{
  struct child child = { 0, "" };
  size_t length = 0;
  int ends[2];

  ck_assert_int_eq (pipe (ends), 0);
  fflush (NULL);

  pid_t pid = fork ();

  if (pid == 0)
    {
      struct rlimit no_core = { 0, 0 };

      (void) setrlimit (RLIMIT_CORE, &no_core);
      signal (SIGABRT, SIG_DFL);
      dup2 (ends[1], STDERR_FILENO);
      close (ends[0]);
      close (ends[1]);
      _exit (body (argument));
    }
  ck_assert_int_gt (pid, 0);
  close (ends[1]);
  for (;;)
    {
      char more[512];
      ssize_t count = read (ends[0], more, sizeof more);

      if (count <= 0)
        break;
      if ((size_t) count > sizeof child.text - 1 - length)
        count = (ssize_t) (sizeof child.text - 1 - length);
      memcpy (child.text + length, more, (size_t) count);
      length += (size_t) count;
    }
  close (ends[0]);
  ck_assert_int_eq (waitpid (pid, &child.status, 0), pid);
  return child;
}

/* The child ended by abort, having written exactly this line. */
static inline void
child_must_abort (int (*body) (void *argument), void *argument, const char *line)
{
  struct child child = child_run (body, argument);

  ck_assert_str_eq (child.text, line);
  ck_assert_msg (WIFSIGNALED (child.status) && WTERMSIG (child.status) == SIGABRT, "status %x",
                 (unsigned) child.status);
}

#endif
