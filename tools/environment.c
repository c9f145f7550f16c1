/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "environment.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_name.h"
#include "stop.h"

#ifndef PATH_MAX
# define PATH_MAX 4096
#endif

/* A new string, formatted as by printf. */
static char *make (const char *format, ...) __attribute__ ((__format__ (__printf__, 1, 2)));
static char *
make (const char *format, ...)
{
  char *text;
  va_list arguments;
  int length;

  va_start (arguments, format);
  length = vasprintf (&text, format, arguments);
  va_end (arguments);
  if (length < 0)
    stop (STOP_FAILED, "out of memory");
  return text;
}

static void
set (const char *name, const char *value)
{
  if (setenv (name, value, 1) != 0)
    stop (STOP_FAILED, "%s cannot be set: %s", name, strerror (errno));
}

char *
environment_absolute (const char *file)
{
  char directory[PATH_MAX];

  if (file[0] == '/')
    return make ("%s", file);
  if (getcwd (directory, sizeof directory) == NULL)
    stop (STOP_FAILED, "%s: the current directory has no name: %s", file, strerror (errno));
  return make ("%s/%s", strcmp (directory, "/") == 0 ? "" : directory, file);
}

void
environment_preload (const char *module)
{
  const char *before = getenv ("LD_PRELOAD");

  set ("LD_PRELOAD", before == NULL || *before == '\0' ? module : make ("%s:%s", module, before));
}

/* A copy of the text with the mark put before each of these characters. */
static char *
marked (const char *text, const char *characters, char mark)
{
  char *copy = malloc (2 * strlen (text) + 1), *to = copy;

  if (copy == NULL)
    stop (STOP_FAILED, "out of memory");
  for (; *text != '\0'; text++)
    {
      if (strchr (characters, *text) != NULL)
        *to++ = mark;
      *to++ = *text;
    }
  *to = '\0';
  return copy;
}

/*
 * Whether text ends in a backslash that would take the next character, here the comma, into the
 * last value.  One more backslash then makes it a plain backslash.
 */
static bool
ends_in_open_backslash (const char *text)
{
  size_t length = strlen (text), backslashes = 0;

  while (backslashes < length && text[length - 1 - backslashes] == '\\')
    backslashes++;
  return backslashes % 2 == 1;
}

static void
add_entry (const char *key, const char *value)
{
  const char *before = getenv ("SYDRA_ALLOC_CONF");

  if (before == NULL || *before == '\0')
    set ("SYDRA_ALLOC_CONF", make ("%s:%s", key, value));
  else
    set ("SYDRA_ALLOC_CONF",
         make ("%s%s,%s:%s", before, ends_in_open_backslash (before) ? "\\" : "", key, value));
}

/* 0, or the error that writing the file would meet. */
static int
why_not_written (const char *path)
{
  struct stat file;
  /* With the dot the path is valid only if the part before the slash is a directory. */
  char *directory = make ("%.*s/.", (int) (strrchr (path, '/') - path), path);
  int error = 0;

  if (stat (path, &file) == 0)
    error = S_ISDIR (file.st_mode) ? EISDIR : access (path, W_OK) != 0 ? errno : 0;
  else if (access (directory, W_OK | X_OK) != 0)
    error = errno;
  free (directory);
  return error;
}

/* The absolute path of the file, in which percent signs of the directory stand for themselves. */
static char *
absolute_name (const char *file)
{
  char *path = environment_absolute (file);
  size_t directory = strlen (path) - strlen (file);

  return make ("%s%s", marked (make ("%.*s", (int) directory, path), "%", '%'), file);
}

/*
 * The absolute name of the report.  If it cannot be written, that is said before the program runs.
 */
static char *
json_file (const char *file)
{
  char *name = absolute_name (file), path[PATH_MAX];
  bool fits = strlen (name) < PATH_MAX
              && sy_file_name_expand (path, sizeof path, "", name, (long) getpid ());
  int error = fits ? why_not_written (path) : ENAMETOOLONG;

  if (error != 0)
    stop (STOP_FAILED, "--json %s: it cannot be written: %s", file, strerror (error));
  return name;
}

/*
 * Restricts the report to the program itself: processes that it starts would overwrite its report.
 * With a file for each process, all report.  The process keeps its number when it becomes the
 * program.
 */
static void
add_process (const char *json)
{
  if (json != NULL && sy_file_name_has_process (json))
    add_entry ("process", "any");
  else
    add_entry ("process", make ("%ld", (long) getpid ()));
}

void
environment_configure (const struct run_options *o)
{
  if (o->shards != NULL)
    add_entry ("shards", o->shards);
  if (o->stats)
    add_entry ("stats", "text");
  if (o->json != NULL)
    add_entry ("json", marked (json_file (o->json), ",\\", '\\'));
  if (o->stats || o->json != NULL)
    add_process (o->json);
}
