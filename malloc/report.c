/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/stats_write.h"
#include "base/metadata.h"
#include "file_name.h"

/*
 * The lowest number for our copy of standard error.  It is high, because some programs rely on the
 * numbers of the next descriptors that they open.
 */
#define SPARE_FIRST 200

/* NULL: nothing to report.  It is large, and so taken only if needed. */
static struct report {
  const struct sy_conf *conf;
  struct sydra_alloc *handle;  /* the handle whose statistics are reported */
  int spare;                   /* a copy of standard error; below 0: none */
  dev_t device;                /* with inode: the file that standard error was at the start */
  ino_t inode;
  /* Not on the stack: that of the thread that ends the program may be small. */
  char directory[PATH_MAX];    /* what the JSON file's name begins with, up to a slash; may be "" */
  char file[PATH_MAX];         /* the expanded name of the JSON file */
  struct sydra_stats stats;
} *report;

/* Many programs close their standard error before they exit, to check that all was written. */
static void
keep_stderr (void)
{
  struct stat file;

  report->spare = -1;
  if (fstat (STDERR_FILENO, &file) != 0)
    return;
  report->device = file.st_dev;
  report->inode = file.st_ino;
  report->spare = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, SPARE_FIRST);
  if (report->spare < 0)
    report->spare = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* A relative name refers to the directory at the start. */
static void
keep_directory (const char *name)
{
  if (name[0] == '/' || getcwd (report->directory, sizeof report->directory - 1) == NULL)
    report->directory[0] = '\0';
  else
    strcat (report->directory, "/");
}

/* The name of the JSON file.  With a %p, a child of fork has another one.  NULL: it is too long. */
static const char *
json_file (const struct sy_conf *conf)
{
  bool fits = sy_file_name_expand (report->file, sizeof report->file, report->directory,
                                   conf->json, (long) getpid ());

  return fits ? report->file : NULL;
}

/*
 * Empties the file.  If this process makes no report, an older one must not be taken for it.
 * Errors do not matter here, as the report will meet them again.
 */
static void
empty_file (const char *name)
{
  if (name != NULL && truncate (name, 0) != 0)
    return;
}

void
sy_report_begin (const struct sy_conf *conf, struct sydra_alloc *handle)
{
  int saved = errno;

  if ((conf->process != 0 && conf->process != (long) getpid ())
      || !(conf->text || conf->json[0] != '\0'))
    return;
  report = sy_metadata_take (sizeof *report, __alignof__ (struct report));
  if (report == NULL)
    return;
  keep_stderr ();
  if (conf->json[0] != '\0')
    {
      keep_directory (conf->json);
      empty_file (json_file (conf));
    }
  report->handle = handle;
  report->conf = conf;
  errno = saved;
}

int
sy_report_write (void *ctx, const char *text, size_t length)
{
  int file = *(int *) ctx;

  while (length != 0)
    {
      ssize_t written = write (file, text, length);

      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return written < 0 ? errno : EIO;
      text += written;
      length -= (size_t) written;
    }
  return 0;
}

/*
 * A descriptor for what standard error was at the start.  -1: the program has closed it and our
 * copy.
 */
static int
find_stderr (void)
{
  int candidate[2] = { STDERR_FILENO, report->spare };
  struct stat file;

  for (unsigned at = 0; at < 2; at++)
    if (candidate[at] >= 0 && fstat (candidate[at], &file) == 0 && file.st_dev == report->device
        && file.st_ino == report->inode)
      return candidate[at];
  return -1;
}

/* Writes "sydra-malloc: FILE: WHAT: why" to standard error. */
static void
complain (const char *name, const char *what, int error)
{
  int file = find_stderr ();
  const char *part[] = { "sydra-malloc: ", name, ": ", what, ": ", strerrordesc_np (error), "\n" };

  for (size_t at = 0; file >= 0 && at < sizeof part / sizeof *part; at++)
    if (part[at] != NULL && sy_report_write (&file, part[at], strlen (part[at])) != 0)
      return;
}

/* O_NONBLOCK: does not wait for a reader if the file is a FIFO. */
static void
write_json (const char *name)
{
  int file = open (name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666), error;

  if (file < 0)
    {
      complain (name, "cannot be opened", errno);
      return;
    }
  (void) fcntl (file, F_SETFL, O_WRONLY);
  error = sy_stats_write (report->handle, SYDRA_STATS_JSON, sy_report_write, &file,
                          &report->stats);
  if (close (file) != 0 && error == 0)
    error = errno;
  if (error != 0)
    complain (name, "cannot be written", error);
}

static void
write_json_to_file (const struct sy_conf *conf)
{
  const char *name = json_file (conf);

  if (name != NULL)
    write_json (name);
  else
    complain (conf->json, "cannot be opened", ENAMETOOLONG);
}

static void
write_report (const struct sy_conf *conf)
{
  int file;

  if (conf->json[0] != '\0')
    write_json_to_file (conf);
  file = conf->text ? find_stderr () : -1;
  if (file >= 0)
    (void) sy_stats_write (report->handle, SYDRA_STATS_TEXT, sy_report_write, &file,
                           &report->stats);
}

/* Blocks SIGPIPE meanwhile, so that the report does not change how the process ends. */
static void
write_unsignalled (const struct sy_conf *conf)
{
  static const struct timespec at_once = { 0, 0 };
  sigset_t pipe, before, pending;

  (void) sigemptyset (&pipe);
  (void) sigaddset (&pipe, SIGPIPE);
  (void) pthread_sigmask (SIG_BLOCK, &pipe, &before);
  (void) sigpending (&pending);
  write_report (conf);
  if (sigismember (&pending, SIGPIPE) == 0)
    (void) sigtimedwait (&pipe, NULL, &at_once);
  (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
}

/* This destructor runs last, so that the report counts what all others do. */
__attribute__ ((destructor (101))) static void
at_exit (void)
{
  if (report != NULL && report->conf != NULL
      && (report->conf->process == 0 || report->conf->process == (long) getpid ()))
    write_unsignalled (report->conf);
}
