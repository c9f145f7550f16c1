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
#include "file_name.h"

/* Where the spare standard error goes: beyond what programs count on getting as their next descriptors. */
#define SPARE_FIRST 200

static struct {
  const struct sy_conf *conf;  /* NULL: nothing to report */
  struct sydra_alloc *handle;  /* whose statistics are reported */
  int spare;                   /* a copy of standard error; -1: none */
  dev_t device;                /* what standard error was */
  ino_t inode;
  /* The rest is here, as a thread that ends the program may have a small stack. */
  char directory[PATH_MAX];    /* what the JSON's name begins with, up to a slash; "": nothing */
  char file[PATH_MAX];         /* that name, as it is for this process */
  struct sydra_stats stats;
} report = { .spare = -1 };

/* Programs close their standard error before they exit, to see whether all was written. */
static void
keep_stderr (void)
{
  struct stat file;

  if (fstat (STDERR_FILENO, &file) != 0)
    return;
  report.device = file.st_dev;
  report.inode = file.st_ino;
  report.spare = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, SPARE_FIRST);
  if (report.spare < 0)
    report.spare = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* A name that is relative is so to the directory at the start. */
static void
keep_directory (const char *name)
{
  if (name[0] == '/' || getcwd (report.directory, sizeof report.directory - 1) == NULL)
    report.directory[0] = '\0';
  else
    strcat (report.directory, "/");
}

/* The JSON's file; one with a %p is another in a child of fork.  NULL: the name is too long. */
static const char *
json_file (const struct sy_conf *conf)
{
  bool fits = sy_file_name_expand (report.file, sizeof report.file, report.directory, conf->json,
                                   (long) getpid ());

  return fits ? report.file : NULL;
}

/*
 * What a former process left would be taken for this one's, if this one comes to no report.  Of
 * failures the report will tell.
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

  if ((conf->process != 0 && conf->process != (long) getpid ()) || !(conf->text || conf->json[0] != '\0'))
    return;
  keep_stderr ();
  if (conf->json[0] != '\0')
    {
      keep_directory (conf->json);
      empty_file (json_file (conf));
    }
  report.handle = handle;
  report.conf = conf;
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

/* What standard error was at the start; -1: the program closed it, and the copy too. */
static int
find_stderr (void)
{
  int candidate[2] = { STDERR_FILENO, report.spare };
  struct stat file;

  for (unsigned at = 0; at < 2; at++)
    if (candidate[at] >= 0 && fstat (candidate[at], &file) == 0 && file.st_dev == report.device && file.st_ino == report.inode)
      return candidate[at];
  return -1;
}

/* "sydra-malloc: FILE: WHAT: why", on standard error. */
static void
complain (const char *name, const char *what, int error)
{
  int file = find_stderr ();
  const char *part[] = { "sydra-malloc: ", name, ": ", what, ": ", strerrordesc_np (error), "\n" };

  for (size_t at = 0; file >= 0 && at < sizeof part / sizeof *part; at++)
    if (part[at] != NULL && sy_report_write (&file, part[at], strlen (part[at])) != 0)
      return;
}

/* A FIFO that nobody reads is not waited for. */
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
  error = sy_stats_write (report.handle, SYDRA_STATS_JSON, sy_report_write, &file, &report.stats);
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
    (void) sy_stats_write (report.handle, SYDRA_STATS_TEXT, sy_report_write, &file, &report.stats);
}

/* Without a SIGPIPE that would end the process in another way than it chose. */
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

/* The last of the destructors, so that what the others do is counted. */
__attribute__ ((destructor (101))) static void
at_exit (void)
{
  const struct sy_conf *conf = report.conf;

  if (conf != NULL && (conf->process == 0 || conf->process == (long) getpid ()))
    write_unsignalled (conf);
}
