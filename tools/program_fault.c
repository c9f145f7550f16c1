/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rights.h"

/* The kernel follows at most this many interpreters. */
#define DEPTH_MAX 5
/* The kernel reads no more of a script's first line. */
#define LINE_BYTES 256

#define BLANKS " \t"

/* A script's first line: "#!INTERPRETER ARGUMENT". */
struct script
{
  char interpreter[LINE_BYTES], argument[LINE_BYTES];  /* "": none */
};

/* Opens the file for reading; -1: it cannot, or it is no regular file.  Never waits. */
static int
open_file (const char *path)
{
  struct stat status;
  int file = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (file >= 0 && (fstat (file, &status) != 0 || !S_ISREG (status.st_mode)))
    {
      close (file);
      file = -1;
    }
  return file;
}

/* Copies length bytes, without the blanks at both ends. */
static void
copy_trimmed (char *to, const char *text, size_t length)
{
  while (length != 0 && strchr (BLANKS, *text) != NULL)
    text++, length--;
  while (length != 0 && strchr (BLANKS, text[length - 1]) != NULL)
    length--;
  memcpy (to, text, length);
  to[length] = '\0';
}

static bool
read_script (int file, struct script *script)
{
  char line[LINE_BYTES + 1];
  ssize_t bytes = pread (file, line, LINE_BYTES, 0);
  const char *start;
  size_t length;

  if (bytes < 2 || line[0] != '#' || line[1] != '!')
    return false;
  line[bytes] = '\0';
  line[strcspn (line, "\n")] = '\0';
  start = line + 2 + strspn (line + 2, BLANKS);
  length = strcspn (start, BLANKS);
  copy_trimmed (script->interpreter, start, length);
  copy_trimmed (script->argument, start + length, strlen (start + length));
  return length != 0;
}

/*
 * The program that "env ARGUMENT" runs, if a glance can tell: a bare name, or the first word after
 * -S.
 */
static bool
name_for_env (const struct script *script, char name[LINE_BYTES])
{
  const char *slash = strrchr (script->interpreter, '/');
  const char *at = script->argument;
  size_t length;

  if (strcmp (slash == NULL ? script->interpreter : slash + 1, "env") != 0)
    return false;
  length = strlen (at);
  if (strncmp (at, "-S", 2) == 0)
    {
      at += 2 + strspn (at + 2, BLANKS);
      length = strcspn (at, BLANKS);
    }
  if (length == 0 || *at == '-' || strcspn (at, "=\\'\"$") < length)
    return false;
  memcpy (name, at, length);
  name[length] = '\0';
  return true;
}

static const char *
elf_fault (const struct elf *elf, const struct elf *module)
{
  if (!elf_same_machine (elf, module))
    return "is for another machine or word size than the module";
  /*
   * A loader that is named as the program needs no loader and still preloads.  It has a DT_SONAME,
   * as libraries do.
   */
  if (!elf->has_interpreter && (elf->type == ET_EXEC || (elf->type == ET_DYN && !elf->has_soname)))
    return "is statically linked; only a loader preloads, and static programs have none";
  if (strstr (elf->interpreter, "ld-musl") != NULL)
    return "is linked with musl, and the module is for another C library";
  return NULL;
}

static const char *file_fault (const char *path, const struct elf *module,
                               struct program_fault *fault, unsigned depth);

static const char *
script_fault (const struct script *script, const struct elf *module, struct program_fault *fault,
              unsigned depth)
{
  char name[LINE_BYTES], path[PATH_MAX];
  const char *reason = file_fault (script->interpreter, module, fault, depth + 1);

  if (reason == NULL && name_for_env (script, name) && program_find (name, path) == 0)
    reason = file_fault (path, module, fault, depth + 1);
  return reason;
}

/* Returns the fault and fills in fault->file; NULL: no fault is known. */
static const char *
file_fault (const char *path, const struct elf *module, struct program_fault *fault, unsigned depth)
{
  struct stat status;
  struct script script;
  struct elf elf;
  const char *reason = NULL;
  int file = open_file (path);

  if (file >= 0 && elf_read (file, &elf) == ELF_READ)
    reason = elf_fault (&elf, module);
  else if (file >= 0 && read_script (file, &script))
    {
      close (file);
      return depth < DEPTH_MAX ? script_fault (&script, module, fault, depth) : NULL;
    }
  if (file >= 0)
    close (file);
  /* The system ignores the set-user-ID bits and capabilities of a script. */
  if (reason == NULL && stat (path, &status) == 0 && S_ISREG (status.st_mode))
    reason = rights_change (path, &status);
  if (reason != NULL)
    strcpy (fault->file, path);
  return reason;
}

bool
program_has_fault (const char *path, const struct elf *module, struct program_fault *fault)
{
  fault->reason = file_fault (path, module, fault, 0);
  return fault->reason != NULL;
}

enum elf_kind
program_kind (const char *path, struct elf *elf)
{
  int file = open_file (path);
  enum elf_kind kind = ELF_NONE;

  memset (elf, 0, sizeof *elf);
  if (file >= 0)
    {
      kind = elf_read (file, elf);
      close (file);
    }
  return kind;
}
