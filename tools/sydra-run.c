/* SPDX-License-Identifier: MIT */
/*
 * sydra-run.c: runs a program with the drop-in malloc.  It sets the environment and then executes
 * the program in its own process.  So exit status, signals and open files are the program's.
 */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "program.h"
#include "run_options.h"
#include "stop.h"

#define MODULE PKGLIBDIR "/libsydra-malloc.so"

/* Returns the module's absolute path.  *elf tells for which machine it is built. */
static char *
find_module (const char *given, struct elf *elf)
{
  char *path = environment_absolute (given != NULL ? given : MODULE);

  if (access (path, R_OK) != 0)
    stop (STOP_FAILED, "the module %s cannot be read: %s; --module FILE names another", path,
          strerror (errno));
  if (program_kind (path, elf) != ELF_READ || elf->type != ET_DYN)
    stop (STOP_FAILED, "the module %s is no shared library; --module takes libsydra-malloc.so",
          path);
  if (strpbrk (path, ": ") != NULL)
    stop (STOP_FAILED,
          "the module %s has a colon or a space in its name, which LD_PRELOAD cannot hold", path);
  return path;
}

static void
find_program (const char *name, char path[PATH_MAX])
{
  int error = program_find (name, path);

  if (error != 0)
    stop (error == ENOENT || error == ENOTDIR ? STOP_NOT_FOUND : STOP_CANNOT_RUN, "%s: %s", name,
          strerror (error));
}

static void
judge_program (const char *name, const char *path, const struct elf *module)
{
  static struct program_fault fault;

  if (!program_has_fault (path, module, &fault))
    return;
  if (strcmp (fault.file, path) == 0)
    stop (STOP_CANNOT_RUN, "%s: cannot be preloaded: it %s", name, fault.reason);
  stop (STOP_CANNOT_RUN, "%s: cannot be preloaded: its interpreter %s %s", name, fault.file,
        fault.reason);
}

/*
 * Like execvp(3), but does not give an ELF file that the system refuses to the shell as a script.
 */
static void
run (const char *path, char **words)
{
  struct elf elf;
  int error;

  execv (path, words);
  if (errno == ENOEXEC && program_kind (path, &elf) == ELF_NONE)
    execvp (path, words);
  error = errno;
  if (error == ENOENT)
    stop (STOP_CANNOT_RUN, "%s: it is there, but not the interpreter that it names", words[0]);
  stop (STOP_CANNOT_RUN, "%s: %s", words[0], strerror (error));
}

int
main (int count, char **words)
{
  struct run_options options;
  struct elf module_elf;
  char *module, program[PATH_MAX];

  run_options_read (&options, count, words);
  module = find_module (options.module, &module_elf);
  find_program (options.program[0], program);
  judge_program (options.program[0], program, &module_elf);
  environment_preload (module);
  environment_configure (&options);
  run (program, options.program);
}
