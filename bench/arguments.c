/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "util.h"

void
refuse (const char *format, ...)
{
  va_list arguments;

  fprintf (stderr, "%s: ", program_name);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  exit (2);
}

uint64_t
leading_number (const char *text, const char **rest)
{
  char *end;
  uint64_t number;

  *rest = text;
  if (*text < '0' || *text > '9')
    return 0;
  errno = 0;
  number = strtoull (text, &end, 10);
  if (!errno)
    *rest = end;
  return number;
}

uint64_t
whole_number (const char *option, const char *text, uint64_t least, uint64_t most)
{
  const char *rest;
  uint64_t number = leading_number (text, &rest);

  if (rest == text || *rest || number < least || number > most)
    refuse ("%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", option, least,
            most, text);
  return number;
}

double
number_over_zero (const char *option, const char *text, double most)
{
  char *end;
  double number = strtod (text, &end);

  if (end == text || *end || !(number > 0) || number > most)
    refuse ("%s takes a number over 0, up to %.0f, such as 0.5, not \"%s\"", option, most, text);
  return number;
}
