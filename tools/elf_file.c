/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The kernel loads no program with a longer table of program headers. */
#define TABLE_MAX 65536u
/* A bound for a forged dynamic section; no real one is near it. */
#define DYNAMIC_MAX 4096u

/* Where the fields are in files of each class, and how wide addresses, offsets and sizes are. */
struct layout
{
  unsigned word, header, phoff, phentsize, phnum, program, p_offset, p_filesz;
};

static const struct layout layout_32 = { 4, 52, 28, 42, 44, 32, 4, 16 };
static const struct layout layout_64 = { 8, 64, 32, 54, 56, 56, 8, 32 };

/* A file that is being read. */
struct reading
{
  int file;
  bool little;  /* the file's byte order */
  const struct layout *layout;
};

/* Reads exactly so many bytes at offset; false: it cannot. */
static bool
read_at (const struct reading *r, void *bytes, size_t count, uint64_t offset)
{
  char *to = bytes;

  if (offset > (uint64_t) INT64_MAX - count)
    return false;
  while (count != 0)
    {
      ssize_t got = pread (r->file, to, count, (off_t) offset);

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        return false;
      to += got;
      offset += (uint64_t) got;
      count -= (size_t) got;
    }
  return true;
}

/* Decodes a number in the file's byte order. */
static uint64_t
field (const struct reading *r, const unsigned char *bytes, unsigned width)
{
  uint64_t number = 0;

  for (unsigned at = 0; at < width; at++)
    number = number << 8 | bytes[r->little ? width - 1 - at : at];
  return number;
}

/* Reads the header's first 16 bytes.  Returns what kind of file they allow. */
static enum elf_kind
read_identity (struct reading *r, struct elf *elf)
{
  unsigned char identity[EI_NIDENT];

  r->layout = NULL;
  if (!read_at (r, identity, SELFMAG, 0) || memcmp (identity, ELFMAG, SELFMAG) != 0)
    return ELF_NONE;
  if (!read_at (r, identity, sizeof identity, 0))
    return ELF_DAMAGED;
  elf->class = identity[EI_CLASS];
  elf->data = identity[EI_DATA];
  r->little = elf->data == ELFDATA2LSB;
  if ((!r->little && elf->data != ELFDATA2MSB)
      || (elf->class != ELFCLASS32 && elf->class != ELFCLASS64))
    return ELF_DAMAGED;
  r->layout = elf->class == ELFCLASS32 ? &layout_32 : &layout_64;
  return ELF_READ;
}

/* Reads the path of the loader, with its NUL.  False: it is no path. */
static bool
read_interpreter (const struct reading *r, struct elf *elf, uint64_t offset, uint64_t bytes)
{
  elf->has_interpreter = true;
  return bytes >= 2 && bytes <= sizeof elf->interpreter
         && read_at (r, elf->interpreter, (size_t) bytes, offset)
         && elf->interpreter[bytes - 1] == '\0';
}

/* Whether the dynamic section has a DT_SONAME.  A section that is cut short has none. */
static bool
find_soname (const struct reading *r, uint64_t offset, uint64_t bytes)
{
  unsigned word = r->layout->word;
  unsigned char entry[2 * 8];

  for (unsigned at = 0; at < DYNAMIC_MAX && bytes >= 2 * word;
       at++, offset += 2 * word, bytes -= 2 * word)
    {
      uint64_t tag;

      if (!read_at (r, entry, 2 * word, offset))
        return false;
      tag = field (r, entry, word);
      if (tag == DT_NULL || tag == DT_SONAME)
        return tag == DT_SONAME;
    }
  return false;
}

static bool
read_program_header (const struct reading *r, struct elf *elf, uint64_t at)
{
  const struct layout *l = r->layout;
  unsigned char header[56];
  uint64_t type, offset, bytes;

  if (!read_at (r, header, l->program, at))
    return false;
  type = field (r, header, 4);
  offset = field (r, header + l->p_offset, l->word);
  bytes = field (r, header + l->p_filesz, l->word);
  if (type == PT_DYNAMIC)
    elf->has_soname = find_soname (r, offset, bytes);
  return type != PT_INTERP || elf->has_interpreter || read_interpreter (r, elf, offset, bytes);
}

/* Reads the header after its first 16 bytes, and the program headers. */
static bool
read_headers (const struct reading *r, struct elf *elf)
{
  const struct layout *l = r->layout;
  unsigned char header[64];
  uint64_t table, count;

  if (!read_at (r, header, l->header, 0))
    return false;
  elf->type = (unsigned) field (r, header + 16, 2);
  elf->machine = (unsigned) field (r, header + 18, 2);
  table = field (r, header + l->phoff, l->word);
  count = field (r, header + l->phnum, 2);
  if (count == 0 || count * l->program > TABLE_MAX
      || field (r, header + l->phentsize, 2) != l->program || table > INT64_MAX - TABLE_MAX)
    return false;
  for (uint64_t at = 0; at < count; at++)
    if (!read_program_header (r, elf, table + at * l->program))
      return false;
  return true;
}

enum elf_kind
elf_read (int file, struct elf *elf)
{
  struct reading r = { file, false, NULL };
  enum elf_kind kind;

  memset (elf, 0, sizeof *elf);
  kind = read_identity (&r, elf);
  if (kind == ELF_READ && !read_headers (&r, elf))
    kind = ELF_DAMAGED;
  if (kind != ELF_READ)
    memset (elf, 0, sizeof *elf);
  return kind;
}

bool
elf_same_machine (const struct elf *one, const struct elf *other)
{
  return one->class == other->class && one->data == other->data && one->machine == other->machine;
}
