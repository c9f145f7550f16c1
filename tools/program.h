/* SPDX-License-Identifier: MIT */
/*
 * program.h: finds a program as execvp(3) does, and tells whether the system would preload a module
 * into it.  Scripts are followed to their interpreters, as the kernel does.  A file that cannot be
 * read is not judged.
 */
#ifndef SYDRA_RUN_PROGRAM_H
#define SYDRA_RUN_PROGRAM_H

#include "elf_file.h"

/* Returns 0 and fills in path, or returns an error: ENOENT, EACCES, EISDIR, ENAMETOOLONG. */
int program_find (const char *name, char path[PATH_MAX]);

struct program_fault
{
  const char *reason;   /* a clause such as "is statically linked" */
  char file[PATH_MAX];  /* the file that is at fault: the program or an interpreter */
};

/* Whether module cannot be preloaded into the program at path.  If so, *fault says why. */
bool program_has_fault (const char *path, const struct elf *module, struct program_fault *fault);

/* The kind of the file at path; ELF_NONE if it cannot be read. */
enum elf_kind program_kind (const char *path, struct elf *elf);

#endif
