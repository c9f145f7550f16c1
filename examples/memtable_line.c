/* SPDX-License-Identifier: MIT */
/* memtable_line.c: parses a line from left to right, in pieces.  It copies nothing. */
#include "memtable_line.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 64
#define DELETE_WORD "!delete"

bool
line_bad (struct line *line, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  vsnprintf (line->message, sizeof line->message, format, arguments);
  va_end (arguments);
  return false;
}

/* The precision for "%.*s": a message shows no more of a piece. */
static int
shown (struct piece piece)
{
  return piece.length < 40 ? (int) piece.length : 40;
}

/* Reads up to the end, or to a stop without a backslash before it. */
static struct piece
take_piece (struct line *line, const char *stops)
{
  struct piece piece = { line->at, 0 };

  while (*line->at != '\0' && strchr (stops, *line->at) == NULL)
    line->at += line->at[0] == '\\' && line->at[1] != '\0' ? 2 : 1;
  piece.length = (size_t) (line->at - piece.start);
  return piece;
}

static void
skip_spaces (struct line *line)
{
  line->at += strspn (line->at, " \t");
}

/* ---- Series ---- */

static int
compare_pieces (struct piece left, struct piece right)
{
  size_t common = left.length < right.length ? left.length : right.length;
  int order = memcmp (left.start, right.start, common);

  return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

/* Inserts a tag where its key belongs.  Returns false if the key is there. */
static bool
add_tag (struct line *line, struct piece key, struct piece value)
{
  unsigned place = line->tags;

  while (place > 0 && compare_pieces (line->keys[place - 1], key) > 0)
    place--;
  if (place > 0 && compare_pieces (line->keys[place - 1], key) == 0)
    return false;
  memmove (&line->keys[place + 1], &line->keys[place], (line->tags - place) * sizeof line->keys[0]);
  memmove (&line->values[place + 1], &line->values[place],
           (line->tags - place) * sizeof line->values[0]);
  line->keys[place] = key;
  line->values[place] = value;
  line->tags++;
  return true;
}

static bool
read_series (struct line *line)
{
  line->measurement = take_piece (line, ", \t");
  if (line->measurement.length == 0)
    return line_bad (line, "no measurement");
  while (*line->at == ',')
    {
      struct piece key, value;

      line->at++;
      key = take_piece (line, "=, \t");
      if (*line->at != '=' || key.length == 0)
        return line_bad (line, "tag \"%.*s\" is not NAME=VALUE", shown (key), key.start);
      line->at++;
      value = take_piece (line, "=, \t");
      if (*line->at == '=' || value.length == 0)
        return line_bad (line, "tag \"%.*s\" has no value, or a \"=\" in it without a backslash",
                         shown (key), key.start);
      if (line->tags == TAGS_MAX)
        return line_bad (line, "more than %u tags", TAGS_MAX);
      if (!add_tag (line, key, value))
        return line_bad (line, "tag \"%.*s\" is there twice", shown (key), key.start);
    }
  return true;
}

static char *
append (char *to, struct piece piece)
{
  memcpy (to, piece.start, piece.length);
  return to + piece.length;
}

void
line_name (const struct line *line, char *text)
{
  text = append (text, line->measurement);
  for (unsigned i = 0; i < line->tags; i++)
    {
      *text++ = ',';
      text = append (text, line->keys[i]);
      *text++ = '=';
      text = append (text, line->values[i]);
    }
  *text = '\0';
}

/* ---- Fields and time ---- */

static bool
is_boolean (const char *text)
{
  static const char *const words[] = { "t", "T", "true",  "True",  "TRUE",
                                       "f", "F", "false", "False", "FALSE" };

  for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp (text, words[i]) == 0)
      return true;
  return false;
}

/* A number is a float, an integer with i, or an unsigned integer with u. */
static bool
is_number (char *text)
{
  size_t length = strlen (text);
  char last = length > 0 ? text[length - 1] : '\0', *end;

  errno = 0;
  if (last == 'i' || last == 'u')
    {
      text[--length] = '\0';
      if (length == 0 || text[strspn (text, last == 'i' ? "-0123456789" : "0123456789")] != '\0')
        return false;
      last == 'i' ? (void) strtoll (text, &end, 10) : (void) strtoull (text, &end, 10);
    }
  else
    {
      double value;

      if (length == 0 || text[strspn (text, "+-.0123456789eE")] != '\0')
        return false;
      value = strtod (text, &end);
      if (errno == ERANGE && value > -1 && value < 1)
        errno = 0; /* the number is too close to zero, which is allowed */
    }
  return *end == '\0' && end != text && errno == 0;
}

static bool
read_text (struct line *line)
{
  for (line->at++; *line->at != '"'; line->at++)
    {
      if (line->at[0] == '\\' && line->at[1] != '\0')
        line->at++;
      if (*line->at == '\0')
        return false;
    }
  line->at++;
  return *line->at == '\0' || strchr (", \t", *line->at) != NULL;
}

static bool
read_field (struct line *line)
{
  struct piece key = take_piece (line, "=, \t"), value;
  char copy[NUMBER_BYTES];

  if (*line->at != '=' || key.length == 0)
    return line_bad (line, "field \"%.*s\" is not NAME=VALUE", shown (key), key.start);
  line->at++;
  if (*line->at == '"')
    return read_text (line)
           || line_bad (line, "the text of field \"%.*s\" does not end well", shown (key),
                        key.start);
  value = take_piece (line, ", \t");
  if (value.length < sizeof copy)
    {
      *append (copy, value) = '\0';
      if (is_boolean (copy) || is_number (copy))
        return true;
    }
  return line_bad (line, "field \"%.*s\": \"%.*s\" is no number, integer, boolean or text",
                   shown (key), key.start, shown (value), value.start);
}

static bool
read_fields (struct line *line)
{
  line->fields.start = line->at;
  if (*line->at == '\0')
    return line_bad (line, "no fields");
  if (!read_field (line))
    return false;
  while (*line->at == ',')
    {
      line->at++;
      if (!read_field (line))
        return false;
    }
  line->fields.length = (size_t) (line->at - line->fields.start);
  return true;
}

static bool
read_time (struct line *line)
{
  const char *digits = line->at + (*line->at == '-');
  long long time;
  char *end;

  if (*line->at == '\0')
    return line_bad (line, "no timestamp");
  errno = 0;
  time = strtoll (line->at, &end, 10);
  if (*digits < '0' || *digits > '9' || end[strspn (end, " \t")] != '\0')
    return line_bad (line, "timestamp \"%.40s\" is no whole number of nanoseconds", line->at);
  if (errno != 0)
    return line_bad (line, "timestamp \"%.40s\" is out of range", line->at);
  line->time = time;
  return true;
}

bool
line_read (struct line *line)
{
  if (*line->at == '!')
    {
      size_t length = strlen (DELETE_WORD);

      if (strncmp (line->at, DELETE_WORD, length) != 0 || strchr (" \t", line->at[length]) == NULL)
        return line_bad (line, "no such command; there is \"" DELETE_WORD " SERIES TIMESTAMP\"");
      line->at += length;
      line->is_delete = true;
      skip_spaces (line);
    }
  if (!read_series (line))
    return false;
  skip_spaces (line);
  if (!line->is_delete && !read_fields (line))
    return false;
  skip_spaces (line);
  return read_time (line);
}
