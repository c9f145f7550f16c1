/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "stop.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for the message and two long paths.  A longer line is cut. */
#define LINE_BYTES 10000

void
stop (enum stop_status status, const char *format, ...)
{
  char line[LINE_BYTES];
  va_list arguments;

  va_start (arguments, format);
  vsnprintf (line, sizeof line, format, arguments);
  va_end (arguments);
  for (char *at = line; *at != '\0'; at++)
    if ((unsigned char) *at < 0x20 || *at == 0x7f)
      *at = '?';
  fprintf (stderr, "sydra-run: %s\n", line);
  exit (status);
}
