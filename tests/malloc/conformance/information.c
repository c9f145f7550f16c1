/* SPDX-License-Identifier: MIT */
/* information.c: what else programs ask of malloc. */
#include "conformance.h"

static bool
info_is_xml (void)
{
  char text[4096] = "", end[256] = "";
  FILE *file = tmpfile ();
  size_t length;

  if (file == NULL || malloc_info (0, file) != 0)
    return false;
  rewind (file);
  length = fread (text, 1, sizeof text - 1, file);
  text[length] = '\0';
  if (fseek (file, -(long) strlen ("</malloc>\n"), SEEK_END) == 0)
    end[fread (end, 1, sizeof end - 1, file)] = '\0';
  fclose (file);
  return strncmp (text, "<malloc version=\"1\">\n", 21) == 0 && strcmp (end, "</malloc>\n") == 0;
}

void
test_introspection (void)
{
  void *block = malloc (100 * KIB);
  struct mallinfo2 with = mallinfo2 ();

  tap (with.uordblks + with.hblkhd >= 100 * KIB, "mallinfo2 counts what is in use");
  free (block);
  tap (mallinfo2 ().uordblks + mallinfo2 ().hblkhd < with.uordblks + with.hblkhd,
       "mallinfo2 counts no longer what was freed");
  tap (info_is_xml (), "malloc_info writes one XML element, malloc, of version 1");
  tap (malloc_info (1, stderr) == EINVAL, "malloc_info knows no options: EINVAL");
  tap (mallopt (M_MMAP_THRESHOLD, 128 * 1024) == 1 && mallopt (M_ARENA_MAX, 8) == 1
       && mallopt (M_TRIM_THRESHOLD, 128 * 1024) == 1,
       "mallopt accepts the C library's parameters");
  tap (malloc_trim (0) == 0 || malloc_trim (0) <= 1, "malloc_trim says 0 or 1");
}
