/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "rights.h"

#include <stdbool.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __linux__
# include <sys/prctl.h>
# include <sys/xattr.h>
#endif

#ifdef __linux__
/*
 * The attribute that holds a file's capabilities: struct vfs_cap_data of linux/capability.h.  Its
 * words have four bytes each, the least significant one first.
 */
# define CAPABILITY_WORDS_MAX 6
# define FLAGS_WORD 0           /* bit 0: effective */
# define PERMITTED_WORD_LOW 1
# define PERMITTED_WORD_HIGH 3  /* since the second revision */
#endif

/* Whether the file system or this process ignores the rights that files give. */
static bool
rights_are_ignored (const char *path)
{
#ifdef PR_GET_NO_NEW_PRIVS
  if (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
    return true;
#endif
#ifdef ST_NOSUID
  struct statvfs system;

  return statvfs (path, &system) == 0 && (system.f_flag & ST_NOSUID) != 0;
#else
  return false;
#endif
}

#ifdef __linux__
/* A word beyond the end is 0. */
static bool
word_is_set (const unsigned char *attribute, ssize_t bytes, ssize_t word)
{
  const unsigned char *at = attribute + 4 * word;

  return 4 * word + 4 <= bytes && (at[0] | at[1] | at[2] | at[3]) != 0;
}

/* Root has all capabilities anyway, so its rights do not change. */
static bool
has_capabilities (const char *path)
{
  unsigned char attribute[4 * CAPABILITY_WORDS_MAX];
  ssize_t bytes = getuid () == 0
                    ? -1
                    : getxattr (path, "security.capability", attribute, sizeof attribute);

  return bytes >= 4
         && ((attribute[4 * FLAGS_WORD] & 1) != 0
             || word_is_set (attribute, bytes, PERMITTED_WORD_LOW)
             || word_is_set (attribute, bytes, PERMITTED_WORD_HIGH));
}
#else
static bool
has_capabilities (const char *path)
{
  (void) path;
  return false;
}
#endif

const char *
rights_change (const char *path, const struct stat *file)
{
  bool ignored = rights_are_ignored (path);
  /* Without execution by the group, the set-group-ID bit has another meaning. */
  bool with_group = (file->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  uid_t user = !ignored && (file->st_mode & S_ISUID) != 0 ? file->st_uid : geteuid ();
  gid_t group = !ignored && with_group ? file->st_gid : getegid ();

  if (user != getuid () || group != getgid ())
    return "runs under another user or group than its caller (set-user-ID or set-group-ID), where the system ignores LD_PRELOAD";
  if (!ignored && has_capabilities (path))
    return "has file capabilities, with which the system ignores LD_PRELOAD";
  return NULL;
}
