/* SPDX-License-Identifier: MIT */
/*
 * program.h: where a program is, as execvp(3) looks for it, and whether the system would preload a module into it.  Scripts are followed to their
 * interpreters, as the kernel does it.  What cannot be read is not judged.
 */
#ifndef SYDRA_RUN_PROGRAM_H
#define SYDRA_RUN_PROGRAM_H

#include "elf_file.h"

/* 0, path filled in; or why there is none: ENOENT, EACCES, EISDIR, ENAMETOOLONG. */
int program_find (const char *name, char path[PATH_MAX]);

struct program_fault
{
  const char *reason;   /* "is ...", a whole clause */
  char file[PATH_MAX];  /* of which file: the program or an interpreter */
};

/* Whether module cannot be preloaded into the program at path; if so, *fault says why. */
bool program_has_fault (const char *path, const struct elf *module, struct program_fault *fault);

/* The kind of the file at path; ELF_NONE where it cannot be read. */
enum elf_kind program_kind (const char *path, struct elf *elf);

#endif
