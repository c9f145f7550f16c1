/* SPDX-License-Identifier: MIT */
/*
 * elf_file.h: reads how an ELF file is to be loaded, for 32 and 64 bits and both byte orders.  The
 * file may contain anything.  So each offset and length is checked before it is used.
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
  /* an entry DT_SONAME: it is a library, or a loader that was named as a program */
  bool has_soname;
  char interpreter[PATH_MAX];  /* "": none */
};

enum elf_kind
{
  ELF_NONE,     /* another kind of file */
  ELF_DAMAGED,  /* begins like an ELF file, but is not a valid one */
  ELF_READ      /* *elf is filled in */
};

/*
 * Fills in *elf.  file must be open for reading and seekable; its position stays.  If the kind is
 * not ELF_READ, *elf is all zero.
 */
enum elf_kind elf_read (int file, struct elf *elf);

/* Whether one loader can load both: they have the same word size, byte order and machine. */
bool elf_same_machine (const struct elf *one, const struct elf *other);

#endif
