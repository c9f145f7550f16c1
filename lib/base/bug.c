/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/bug.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line {
  char text[256];
  size_t length;
};

static void
line_add (struct line *line, const char *text)
{
  size_t length = strlen (text);

  if (length > sizeof line->text - 1 - line->length)
    length = sizeof line->text - 1 - line->length;
  memcpy (line->text + line->length, text, length);
  line->length += length;
}

static void
line_add_pointer (struct line *line, const void *pointer)
{
  char digits[2 + 2 * sizeof (uintptr_t) + 1];
  char *first = digits + sizeof digits - 1;
  uintptr_t value = (uintptr_t) pointer;

  *first = '\0';
  do
    *--first = "0123456789abcdef"[value & 15];
  while ((value >>= 4) != 0);
  *--first = 'x';
  *--first = '0';
  line_add (line, first);
}

void
sy_bug (const char *call, const void *pointer, const char *what)
{
  struct line line = { "", 0 };

  line_add (&line, "sydra-alloc: ");
  line_add (&line, call);
  line_add (&line, ": ");
  line_add_pointer (&line, pointer);
  line_add (&line, ": ");
  line_add (&line, what);
  line.text[line.length++] = '\n';
  /* One write, so that lines of several processes do not mix.  If it fails, nothing is left to
     do. */
  if (write (STDERR_FILENO, line.text, line.length) < 0)
    abort ();
  abort ();
}
