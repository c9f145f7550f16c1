/* SPDX-License-Identifier: MIT */
/*
 * memtable_line.h: parses one line of line protocol.
 *
 *
 *   measurement,tag=v,tag2=v field=1.5,other=2i 1465839830100400200
 *                       sets a point, or replaces the one with that series and time
 *   !delete measurement,tag=v 1465839830100400200
 *                       removes a point
 *
 * A field is a number (1.5), an integer (2i, -2i), an unsigned one (2u), true or false (t, f), or a
 * "text" with \" and \\ in it.  In other names and values a backslash comes before a space, a comma
 * and an equals sign.  Every line has its time, in nanoseconds.
 */
#ifndef MEMTABLE_LINE_H
#define MEMTABLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAGS_MAX 64u

/* A part of a line's text. */
struct piece {
  const char *start;
  size_t length;
};

struct line {
  const char *at;          /* the next byte to read; the text ends with a NUL */
  bool is_delete;
  /* The tags are in the order of their keys. */
  struct piece measurement, keys[TAGS_MAX], values[TAGS_MAX];
  unsigned tags;
  struct piece fields;     /* all fields as they are written */
  int64_t time;
  char message[160];       /* says what is wrong */
};

/*
 * Reads the line at line->at, which is not empty.  All other members are zero before.  Returns
 * false if the line is bad; then message says why.
 */
bool line_read (struct line *line);

/* Sets another message, formatted as by printf.  Returns false. */
bool line_bad (struct line *line, const char *format, ...)
  __attribute__ ((__format__ (__printf__, 2, 3)));

/* The series' name, with its tags in order.  text has room for the whole line. */
void line_name (const struct line *line, char *text);

#endif
