/* SPDX-License-Identifier: MIT */
/* memtable_input.h: a file of line protocol (memtable_line.h; # begins a comment), read into a list of what is to be done. */
#ifndef MEMTABLE_INPUT_H
#define MEMTABLE_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sydra/alloc.h>

/* What the program keeps in a point: the fields as they were written, and a hash that readers hold them to. */
struct fields {
  uint64_t hash;
  char text[];
};

/* Of a text; and of the fields of one point and no other. */
uint64_t text_hash (const char *text, size_t length);
uint64_t fields_hash (uint32_t series, int64_t time, const char *text, size_t length);

struct step {
  uint32_t series;        /* its place in names */
  int64_t time;
  struct fields *fields;  /* NULL: a delete */
  size_t length;          /* of them, in bytes */
};

/* Begins with all bytes zero but for a; input_end gives all memory back. */
struct input {
  struct sydra_alloc *a;
  char **names;           /* of the series, tags in order, without duplicates */
  uint32_t names_used, names_room;
  uint32_t *places;       /* by hash of the name: 1 + the place in names; 0: free */
  uint32_t places_room;   /* a power of two */
  struct step *steps;
  size_t steps_used, steps_room;
  uint64_t lines, bad;
};

/* Reads to the end of the file.  A bad line is told on standard error and counted.  False: the file cannot be read, errno says why. */
bool input_read (struct input *input, FILE *file, const char *name);
void input_end (struct input *input);

/* One line on standard error, exit status 1. */
void die (const char *format, ...) __attribute__ ((__noreturn__, __format__ (__printf__, 1, 2)));

#endif
