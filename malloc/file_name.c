/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "file_name.h"

#include <stdio.h>
#include <string.h>

bool
sy_file_name_has_process (const char *name)
{
  for (; *name != '\0'; name++)
    if (*name == '%' && name[1] == 'p')
      return true;
    else if (*name == '%' && name[1] == '%')
      name++;
  return false;
}

/* Appends the text and a NUL at *to, and advances *to.  Returns false if that would reach end. */
static bool
add (char **to, const char *end, const char *text, size_t length)
{
  if (length >= (size_t) (end - *to))
    return false;
  memcpy (*to, text, length);
  *to += length;
  **to = '\0';
  return true;
}

bool
sy_file_name_expand (char *to, size_t bytes, const char *directory, const char *name, long process)
{
  const char *end = to + bytes;
  char number[24];
  size_t digits = (size_t) snprintf (number, sizeof number, "%ld", process);
  bool fits = add (&to, end, directory, strlen (directory));

  while (fits && *name != '\0')
    {
      bool is_process = name[0] == '%' && name[1] == 'p';
      bool is_percent = name[0] == '%' && name[1] == '%';

      fits = is_process ? add (&to, end, number, digits) : add (&to, end, name, 1);
      name += is_process || is_percent ? 2 : 1;
    }
  return fits;
}
