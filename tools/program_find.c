/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or the reason why the file cannot be executed. */
static int
try_file (const char *path)
{
  struct stat file;

  if (stat (path, &file) != 0)
    return errno;
  if (S_ISDIR (file.st_mode))
    return EISDIR;
  if (!S_ISREG (file.st_mode))
    return EACCES;
  return access (path, X_OK) == 0 ? 0 : errno;
}

/* Tries name in the first length bytes of directory.  An empty directory is the current one. */
static int
try_in (const char *directory, size_t length, const char *name, char path[PATH_MAX])
{
  int written = length == 0 ? snprintf (path, PATH_MAX, "./%s", name)
                            : snprintf (path, PATH_MAX, "%.*s/%s", (int) length, directory, name);

  return written < 0 || written >= PATH_MAX ? ENAMETOOLONG : try_file (path);
}

/* PATH, or the system's default if it is not set. */
static const char *
search_path (char *standard, size_t bytes)
{
  const char *path = getenv ("PATH");
  size_t length = path == NULL ? confstr (_CS_PATH, standard, bytes) : 0;

  return path != NULL ? path : length != 0 && length <= bytes ? standard : "/bin:/usr/bin";
}

/*
 * Like execvp, reports EACCES for a file that it found only if no later directory has a better one.
 */
static int
find_in_path (const char *name, char path[PATH_MAX])
{
  char standard[256];
  const char *at = search_path (standard, sizeof standard);
  int worst = ENOENT;

  for (;; at++)
    {
      size_t length = strcspn (at, ":");
      int error = length < PATH_MAX ? try_in (at, length, name, path) : ENAMETOOLONG;

      if (error == 0)
        return 0;
      if (error == EACCES)
        worst = EACCES;
      at += length;
      if (*at == '\0')
        return worst;
    }
}

int
program_find (const char *name, char path[PATH_MAX])
{
  size_t length = strlen (name);

  if (length == 0)
    return ENOENT;
  if (strchr (name, '/') == NULL)
    return find_in_path (name, path);
  if (length >= PATH_MAX)
    return ENAMETOOLONG;
  memcpy (path, name, length + 1);
  return try_file (path);
}
