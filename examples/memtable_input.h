/* SPDX-License-Identifier: MIT */
/*
 * memtable_input.h: reads a file of line protocol (memtable_line.h; # begins a comment) into a list
 * of steps.
 */
#ifndef MEMTABLE_INPUT_H
#define MEMTABLE_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sydra/alloc.h>

/*
 * What the program stores in a point: the fields as they were written, and a hash that readers
 * check.
 */
struct fields {
  uint64_t hash;
  char text[];
};

/* The hash of a text; the hash of the fields of one point and no other. */
uint64_t text_hash (const char *text, size_t length);
uint64_t fields_hash (uint32_t series, int64_t time, const char *text, size_t length);

struct step {
  uint32_t series;        /* its index in names */
  int64_t time;
  struct fields *fields;  /* NULL: a delete */
  size_t length;          /* bytes of the fields */
};

/* All members but a are zero at first.  input_end gives all memory back. */
struct input {
  struct sydra_alloc *a;
  char **names;           /* the series' names, each once; their tags are in order */
  uint32_t names_used, names_room;
  uint32_t *places;       /* a hash table by name: 1 + the index in names; 0: free */
  uint32_t places_room;   /* a power of two */
  struct step *steps;
  size_t steps_used, steps_room;
  uint64_t lines, bad;
};

/*
 * Reads to the end of the file.  Reports a bad line on standard error and counts it.  Returns false
 * if the file cannot be read; errno says why.
 */
bool input_read (struct input *input, FILE *file, const char *name);
void input_end (struct input *input);

/* Prints one line to standard error.  The exit status is 1. */
void die (const char *format, ...) __attribute__ ((__noreturn__, __format__ (__printf__, 1, 2)));

#endif
