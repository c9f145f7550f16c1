/* SPDX-License-Identifier: MIT */
/* What sydra-run reads of programs: of this one, of copies that were cut off or overwritten, and
   of files made up to mislead. */
#include <config.h>

#include <elf.h>
#include <link.h>
#include <string.h>

#include "suite.h"
#include "tools/elf_file.h"

#define CUTS 2000
#define SCRIBBLES 5000
/* Where the headers and the loader's name are: nothing behind it but the dynamic section is
   read. */
#define HEAD_BYTES 4096

static unsigned char *program;
static size_t program_bytes;
static struct elf whole;

/* What elf_read makes of count bytes. */
static enum elf_kind
kind_of (const void *bytes, size_t count, struct elf *elf)
{
  FILE *file = tmpfile ();
  enum elf_kind kind;

  ck_assert_ptr_nonnull (file);
  ck_assert_uint_eq (fwrite (bytes, 1, count, file), count);
  ck_assert_int_eq (fflush (file), 0);
  memset (elf, 0xa5, sizeof *elf);
  kind = elf_read (fileno (file), elf);
  fclose (file);
  return kind;
}

/* What holds of every answer. */
static void
answer_must_be_whole (enum elf_kind kind, const struct elf *elf)
{
  static const struct elf nothing;

  test_must (memchr (elf->interpreter, '\0', sizeof elf->interpreter) != NULL,
             "a loader's name without an end");
  test_must (elf->has_interpreter || elf->interpreter[0] == '\0',
             "a loader's name without a loader");
  if (kind == ELF_READ)
    test_must (elf->class == ELFCLASS32 || elf->class == ELFCLASS64, "class %d", elf->class);
  else
    test_must (memcmp (elf, &nothing, sizeof nothing) == 0,
               "no ELF file that was read, and something about it");
}

static void
load_program (void)
{
  FILE *file = fopen ("/proc/self/exe", "rb");

  ck_assert_ptr_nonnull (file);
  ck_assert_int_eq (fseek (file, 0, SEEK_END), 0);
  program_bytes = (size_t) ftell (file);
  rewind (file);
  program = malloc (program_bytes);
  ck_assert_ptr_nonnull (program);
  ck_assert_uint_eq (fread (program, 1, program_bytes, file), program_bytes);
  fclose (file);
  ck_assert_int_eq (kind_of (program, program_bytes, &whole), ELF_READ);
}

static void
unload_program (void)
{
  free (program);
}

START_TEST (this_program_is_of_this_machine_and_has_its_loader)
{
  const ElfW (Ehdr) *header = (const void *) program;

  ck_assert_int_eq (whole.class, sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32);
  ck_assert_uint_eq (whole.machine, header->e_machine);
  ck_assert_uint_eq (whole.type, header->e_type);
  ck_assert (whole.has_interpreter);
  ck_assert_int_eq (whole.interpreter[0], '/');
  ck_assert_int_eq (access (whole.interpreter, R_OK), 0);
  ck_assert (!whole.has_soname);
}
END_TEST

START_TEST (the_loader_of_this_program_is_a_library_without_a_loader)
{
  FILE *file = fopen (whole.interpreter, "rb");
  struct elf loader;

  ck_assert_ptr_nonnull (file);
  ck_assert_int_eq (elf_read (fileno (file), &loader), ELF_READ);
  fclose (file);
  ck_assert_uint_eq (loader.type, ET_DYN);
  ck_assert (!loader.has_interpreter && loader.has_soname);
  ck_assert (elf_same_machine (&whole, &loader));
}
END_TEST

START_TEST (a_cut_copy_is_damaged_or_the_same)
{
  struct test_random random = test_random_make (1);
  const ElfW (Ehdr) *header = (const void *) program;
  size_t table_end = header->e_phoff + (size_t) header->e_phnum * header->e_phentsize;

  ck_assert_uint_lt (table_end, HEAD_BYTES);
  for (unsigned round = 0; round < CUTS; round++)
    {
      size_t length = round < 256
                        ? round
                        : test_random_below (&random, round % 2 ? program_bytes : HEAD_BYTES);
      struct elf elf;
      enum elf_kind kind = kind_of (program, length, &elf);

      answer_must_be_whole (kind, &elf);
      test_must (kind == (length < SELFMAG ? ELF_NONE : ELF_DAMAGED)
                   || (kind == ELF_READ && length >= table_end),
                 "%zu bytes: %d", length, kind);
      test_must (kind != ELF_READ || memcmp (&elf, &whole, sizeof elf) == 0,
                 "%zu bytes: another answer", length);
    }
}
END_TEST

/* Bytes anywhere, and numbers that are edges in the headers. */
static void
scribble (struct test_random *random, unsigned char *copy)
{
  static const uint64_t edge[]
    = { 0,         1,         0x7f,       0xff,      0x7fff,
        0xffff,    INT32_MAX, UINT32_MAX, INT64_MAX, (uint64_t) INT64_MAX - 63,
        UINT64_MAX };
  unsigned count = 1 + (unsigned) test_random_below (random, 8);

  while (count-- != 0)
    {
      uint64_t number = test_random_below (random, 2)
                          ? test_random_next (random)
                          : edge[test_random_below (random, sizeof edge / sizeof *edge)];
      size_t width = (size_t) 1 << test_random_below (random, 4);

      /* The first 512 bytes hold most of what is read. */
      memcpy (copy + test_random_below (random, count % 2 ? 512 : HEAD_BYTES - 8) / width * width,
              &number, width);
    }
}

START_TEST (an_overwritten_copy_has_some_answer)
{
  struct test_random random = test_random_make (2);
  unsigned char copy[HEAD_BYTES];
  unsigned kinds[3] = { 0, 0, 0 };

  ck_assert_uint_gt (program_bytes, sizeof copy);
  for (unsigned round = 0; round < SCRIBBLES; round++)
    {
      struct elf elf;
      enum elf_kind kind;

      memcpy (copy, program, sizeof copy);
      scribble (&random, copy);
      kind = kind_of (copy, sizeof copy, &elf);
      answer_must_be_whole (kind, &elf);
      kinds[kind]++;
    }
  /* All ways were gone. */
  ck_assert_msg (kinds[ELF_NONE] && kinds[ELF_DAMAGED] && kinds[ELF_READ], "%u %u %u", kinds[0],
                 kinds[1], kinds[2]);
}
END_TEST

/* ---- Files made up: of one class and byte order, with the program headers behind the header
   ---- */

struct made
{
  unsigned char bytes[65536 + 256];
  size_t used;
  bool wide, little;
};

static void
put (struct made *made, size_t at, uint64_t number, unsigned width)
{
  for (unsigned i = 0; i < width; i++)
    made->bytes[at + (made->little ? i : width - 1 - i)] = (unsigned char) (number >> 8 * i);
  if (at + width > made->used)
    made->used = at + width;
}

static void
make_header (struct made *made, bool wide, bool little, unsigned headers)
{
  static const unsigned char magic[] = { 0x7f, 'E', 'L', 'F' };

  memset (made, 0, sizeof *made);
  made->wide = wide;
  made->little = little;
  memcpy (made->bytes, magic, sizeof magic);
  put (made, 4, wide ? ELFCLASS64 : ELFCLASS32, 1);
  put (made, 5, little ? ELFDATA2LSB : ELFDATA2MSB, 1);
  put (made, 16, ET_DYN, 2);
  put (made, 18, EM_S390, 2);
  put (made, wide ? 32 : 28, wide ? 64 : 52, wide ? 8 : 4);
  put (made, wide ? 54 : 42, wide ? 56 : 32, 2);
  put (made, wide ? 56 : 44, headers, 2);
  made->used = wide ? 64 : 52;
}

static void
add_program_header (struct made *made, uint64_t type, uint64_t offset, uint64_t bytes)
{
  size_t at = made->used;

  put (made, at, type, 4);
  put (made, at + (made->wide ? 8 : 4), offset, made->wide ? 8 : 4);
  put (made, at + (made->wide ? 32 : 16), bytes, made->wide ? 8 : 4);
  made->used = at + (made->wide ? 56 : 32);
}

START_TEST (both_classes_and_byte_orders_are_read)
{
  static struct made made;

  for (unsigned form = 0; form < 4; form++)
    {
      struct elf elf;
      unsigned word = form & 1 ? 8 : 4;

      make_header (&made, form & 1, form & 2, 2);
      add_program_header (&made, PT_INTERP, 1000, 8);
      add_program_header (&made, PT_DYNAMIC, 2000, 4 * word);
      memcpy (made.bytes + 1000, "/lib/ld", 8);
      put (&made, 2000, DT_NEEDED, word);
      put (&made, 2000 + 2 * word, DT_SONAME, word);
      put (&made, 2000 + 3 * word, 1, word);
      ck_assert_int_eq (kind_of (made.bytes, made.used, &elf), ELF_READ);
      ck_assert_uint_eq (elf.machine, EM_S390);
      ck_assert_uint_eq (elf.type, ET_DYN);
      ck_assert_str_eq (elf.interpreter, "/lib/ld");
      ck_assert (elf.has_interpreter && elf.has_soname);
      ck_assert (!elf_same_machine (&elf, &whole));
    }
}
END_TEST

/* A loader's name of so many bytes there. */
static enum elf_kind
kind_with_interpreter (uint64_t offset, uint64_t bytes)
{
  static struct made made;
  struct elf elf;
  enum elf_kind kind;

  make_header (&made, true, true, 1);
  add_program_header (&made, PT_INTERP, offset, bytes);
  memset (made.bytes + 1000, 'x', 5000);
  made.used = 6000;
  /* An end just past the longest name: found by who reads that far. */
  made.bytes[500 + PATH_MAX - 1] = made.bytes[500 + PATH_MAX + 15] = '\0';
  kind = kind_of (made.bytes, made.used, &elf);
  answer_must_be_whole (kind, &elf);
  return kind;
}

START_TEST (a_loader_without_a_name_an_end_or_a_place_is_damage)
{
  static const struct
  {
    uint64_t offset, bytes;
  } bad[] = {
    { 500, 0 },
    { 500, 1 },
    { 1000, 10 },
    { 1000, PATH_MAX },
    { 500, PATH_MAX - 1 },
    { 500, PATH_MAX + 16 },
    { 5999, 2 },
    { 6000, 2 },
    { UINT64_MAX, 2 },
    { INT64_MAX, 2 },
    { 500, UINT64_MAX },
    { UINT64_MAX - 1, UINT64_MAX },
  };

  ck_assert_int_eq (kind_with_interpreter (500, 2), ELF_READ);
  ck_assert_int_eq (kind_with_interpreter (500, 500), ELF_READ);
  ck_assert_int_eq (kind_with_interpreter (500, PATH_MAX), ELF_READ);
  for (size_t at = 0; at < sizeof bad / sizeof *bad; at++)
    ck_assert_msg (kind_with_interpreter (bad[at].offset, bad[at].bytes) == ELF_DAMAGED, "case %zu",
                   at);
}
END_TEST

START_TEST (a_table_that_is_elsewhere_or_endless_is_damage)
{
  static struct made made;
  struct elf elf;
  static const uint64_t place[] = { UINT64_MAX, INT64_MAX, INT64_MAX - 65536, 65536, 1u << 30 };

  for (size_t at = 0; at < sizeof place / sizeof *place; at++)
    {
      make_header (&made, true, true, 1);
      put (&made, 32, place[at], 8);
      ck_assert_int_eq (kind_of (made.bytes, made.used, &elf), ELF_DAMAGED);
    }
  for (unsigned headers = 0; headers <= 0xffff; headers += 0xffff)
    {
      make_header (&made, true, true, headers);
      made.used = sizeof made.bytes;
      ck_assert_int_eq (kind_of (made.bytes, made.used, &elf), ELF_DAMAGED);
    }
  /* The most that the kernel takes, and one more; all of it is there. */
  for (unsigned headers = 65536 / 56; headers <= 65536 / 56 + 1; headers++)
    {
      make_header (&made, true, true, headers);
      ck_assert_int_eq (kind_of (made.bytes, sizeof made.bytes, &elf),
                        headers * 56 <= 65536 ? ELF_READ : ELF_DAMAGED);
    }
}
END_TEST

START_TEST (a_dynamic_section_without_an_end_has_no_name)
{
  static struct made made;
  struct elf elf;

  make_header (&made, true, true, 1);
  add_program_header (&made, PT_DYNAMIC, 1024, UINT64_MAX);
  memset (made.bytes + 1024, 0x11, sizeof made.bytes - 1024);
  ck_assert_int_eq (kind_of (made.bytes, sizeof made.bytes, &elf), ELF_READ);
  ck_assert (!elf.has_soname);
}
END_TEST

START_TEST (a_dynamic_section_is_followed_only_so_far)
{
  static struct made made;
  struct elf elf;

  for (unsigned entries = 4000; entries <= 6000; entries += 1000)
    {
      make_header (&made, false, true, 1);
      add_program_header (&made, PT_DYNAMIC, 1024, UINT32_MAX);
      for (unsigned at = 0; at < entries; at++)
        put (&made, 1024 + 8 * at, DT_NEEDED, 4);
      put (&made, 1024 + 8 * entries, DT_SONAME, 4);
      put (&made, 1028 + 8 * entries, 1, 4);
      ck_assert_int_eq (kind_of (made.bytes, made.used, &elf), ELF_READ);
      ck_assert (elf.has_soname == (entries < 4096));
    }
}
END_TEST

START_TEST (files_of_other_kinds_are_no_elf_files)
{
  struct elf elf;

  ck_assert_int_eq (kind_of ("", 0, &elf), ELF_NONE);
  ck_assert_int_eq (kind_of ("#!/bin/sh\n", 10, &elf), ELF_NONE);
  ck_assert_int_eq (elf_read (-1, &elf), ELF_NONE);
  answer_must_be_whole (ELF_NONE, &elf);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("elf");
  TCase *tests = test_case (suite, "elf", 20);

  tcase_add_checked_fixture (tests, load_program, unload_program);
  tcase_add_test (tests, this_program_is_of_this_machine_and_has_its_loader);
  tcase_add_test (tests, the_loader_of_this_program_is_a_library_without_a_loader);
  tcase_add_test (tests, a_cut_copy_is_damaged_or_the_same);
  tcase_add_test (tests, an_overwritten_copy_has_some_answer);
  tcase_add_test (tests, both_classes_and_byte_orders_are_read);
  tcase_add_test (tests, a_loader_without_a_name_an_end_or_a_place_is_damage);
  tcase_add_test (tests, a_table_that_is_elsewhere_or_endless_is_damage);
  tcase_add_test (tests, a_dynamic_section_without_an_end_has_no_name);
  tcase_add_test (tests, a_dynamic_section_is_followed_only_so_far);
  tcase_add_test (tests, files_of_other_kinds_are_no_elf_files);
  return test_run (suite);
}
