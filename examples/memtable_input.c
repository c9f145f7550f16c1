/* SPDX-License-Identifier: MIT */
/*
 * memtable_input.c: numbers the series by their names, and keeps the steps of the lines in order.
 */
#include "memtable_input.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "memtable_line.h"

/* FNV-1a. */
uint64_t
text_hash (const char *text, size_t length)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325);

  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (unsigned char) text[i]) * UINT64_C (0x100000001b3);
  return hash;
}

uint64_t
fields_hash (uint32_t series, int64_t time, const char *text, size_t length)
{
  return (text_hash (text, length) * 31 + (uint64_t) time) * 31 + series;
}

static void *
grown (struct sydra_alloc *a, void *block, size_t count, size_t each)
{
  if (count > PTRDIFF_MAX / each || (block = sydra_realloc (a, block, count * each)) == NULL)
    die ("out of memory");
  return block;
}

/* The place that has the name, or where it would go. */
static uint32_t *
place_of (struct input *input, const char *name)
{
  uint32_t at = (uint32_t) text_hash (name, strlen (name)) & (input->places_room - 1);

  while (input->places[at] != 0 && strcmp (input->names[input->places[at] - 1], name) != 0)
    at = (at + 1) & (input->places_room - 1);
  return &input->places[at];
}

/* Doubles the room, so that at most half of the places are taken. */
static void
make_room (struct input *input)
{
  if (input->names_room > UINT32_MAX / 8)
    die ("too many series");
  input->names_room = input->names_room == 0 ? 64 : 2 * input->names_room;
  input->names = grown (input->a, input->names, input->names_room, sizeof input->names[0]);
  input->places_room = 2 * input->names_room;
  input->places = grown (input->a, input->places, input->places_room, sizeof input->places[0]);
  memset (input->places, 0, input->places_room * sizeof input->places[0]);
  for (uint32_t i = 0; i < input->names_used; i++)
    *place_of (input, input->names[i]) = i + 1;
}

static uint32_t
number_of (struct input *input, const char *name)
{
  uint32_t *place;

  if (input->names_used == input->names_room)
    make_room (input);
  place = place_of (input, name);
  if (*place == 0)
    {
      char *copy = grown (input->a, NULL, strlen (name) + 1, 1);

      input->names[input->names_used++] = strcpy (copy, name);
      *place = input->names_used;
    }
  return *place - 1;
}

static void
keep (struct input *input, const struct line *line, const char *name)
{
  struct step step = { .series = number_of (input, name), .time = line->time };

  if (!line->is_delete)
    {
      step.length = sizeof *step.fields + line->fields.length;
      step.fields = grown (input->a, NULL, step.length, 1);
      step.fields->hash = fields_hash (step.series, step.time, line->fields.start,
                                       line->fields.length);
      memcpy (step.fields->text, line->fields.start, line->fields.length);
    }
  if (input->steps_used == input->steps_room)
    {
      input->steps_room = input->steps_room == 0 ? 256 : 2 * input->steps_room;
      input->steps = grown (input->a, input->steps, input->steps_room, sizeof input->steps[0]);
    }
  input->steps[input->steps_used++] = step;
}

/* name has room for a name as long as the text. */
static void
keep_line (struct input *input, char *text, size_t length, char *name, const char *file_name)
{
  struct line line = { .at = text };
  bool right;

  input->lines++;
  while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
    text[--length] = '\0';
  line.at += strspn (text, " \t");
  if (strlen (text) == length && (*line.at == '\0' || *line.at == '#'))
    return;
  right = strlen (text) == length ? line_read (&line) : line_bad (&line, "a NUL byte");
  if (!right)
    {
      input->bad++;
      fprintf (stderr, "memtable: %s:%llu: %s\n", file_name, (unsigned long long) input->lines,
               line.message);
      return;
    }
  line_name (&line, name);
  keep (input, &line, name);
}

bool
input_read (struct input *input, FILE *file, const char *name)
{
  char *text = NULL, *series = NULL;
  size_t room = 0;
  ssize_t length;
  int error;

  errno = 0;
  while ((length = getline (&text, &room, file)) >= 0)
    {
      series = grown (input->a, series, room, 1);
      keep_line (input, text, (size_t) length, series, name);
      errno = 0;
    }
  error = errno;
  free (text);
  sydra_free (input->a, series);
  errno = error;
  return !ferror (file) && feof (file);
}

void
input_end (struct input *input)
{
  for (uint32_t i = 0; i < input->names_used; i++)
    sydra_free (input->a, input->names[i]);
  for (size_t i = 0; i < input->steps_used; i++)
    sydra_free (input->a, input->steps[i].fields);
  sydra_free (input->a, input->names);
  sydra_free (input->a, input->places);
  sydra_free (input->a, input->steps);
}
