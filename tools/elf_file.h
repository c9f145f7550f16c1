/* SPDX-License-Identifier: MIT */
/*
 * elf_file.h: what a file says about how it is to be loaded, as far as it is an ELF file.  The file may be anything: nothing in it is believed
 * before it has been compared with what it must lie in.  32 and 64 bits, both byte orders.
 */
#ifndef SYDRA_RUN_ELF_FILE_H
#define SYDRA_RUN_ELF_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

struct elf
{
  unsigned char class, data;   /* e_ident[EI_CLASS], [EI_DATA] */
  unsigned type, machine;      /* e_type, e_machine */
  bool has_interpreter;        /* a program header PT_INTERP */
  bool has_soname;             /* an entry DT_SONAME: a library, or a loader that was named as a program */
  char interpreter[PATH_MAX];  /* "" without one */
};

enum elf_kind
{
  ELF_NONE,     /* another kind of file */
  ELF_DAMAGED,  /* begins as an ELF file, and what follows cannot be */
  ELF_READ      /* *elf is filled in */
};

/* file is open for reading and can be sought in; its position stays.  Where the kind is not ELF_READ, *elf is all zero. */
enum elf_kind elf_read (int file, struct elf *elf);

/* Programs that the same loader can load: of one word size, byte order and machine. */
bool elf_same_machine (const struct elf *one, const struct elf *other);

#endif
