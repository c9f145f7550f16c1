/* SPDX-License-Identifier: MIT */
/*
 * memtable_line.h: one line of line protocol, taken apart.
 *
 *   measurement,tag=v,tag2=v field=1.5,other=2i 1465839830100400200   sets a point, in place of the one of that series and time
 *   !delete measurement,tag=v 1465839830100400200                     takes a point out
 *
 * A field is a number (1.5), an integer (2i, -2i), an unsigned one (2u), true or false (t, f), or a "text" with \" and \\ in it.  A space,
 * a comma and an equals sign in other names and values have a backslash before them.  Every line has its time, in nanoseconds.
 */
#ifndef MEMTABLE_LINE_H
#define MEMTABLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAGS_MAX 64u

/* A piece of a line's text. */
struct piece {
  const char *start;
  size_t length;
};

struct line {
  const char *at;          /* where reading is; the text ends with a NUL */
  bool is_delete;
  struct piece measurement, keys[TAGS_MAX], values[TAGS_MAX]; /* by key */
  unsigned tags;
  struct piece fields;     /* as they are written */
  int64_t time;
  char message[160];       /* what is bad about it */
};

/* Reads the line from line->at, where something is written; all else is zero before.  False: it is bad, and the message says how. */
bool line_read (struct line *line);

/* Another reason why a line is bad, as printf has it; false. */
bool line_bad (struct line *line, const char *format, ...) __attribute__ ((__format__ (__printf__, 2, 3)));

/* The series' name, tags in order; text has room for the whole line. */
void line_name (const struct line *line, char *text);

#endif
