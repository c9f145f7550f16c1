/* SPDX-License-Identifier: MIT */
/* util.c: arrays, random tables, the last message. */
#include "util.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* An array follows its mapping's length, which has a pair of cache lines for itself. */
#define ARRAY_HEAD 128

const char *program_name = "sydra-bench";

static size_t bytes_now, bytes_peak;

void
die (const char *format, ...)
{
  char line[1024];
  size_t length, room;
  va_list arguments;
  ssize_t done;
  int wanted;

  length = (size_t) snprintf (line, sizeof line, "%.100s: ", program_name);
  room = sizeof line - length - 1;
  va_start (arguments, format);
  wanted = vsnprintf (line + length, room, format, arguments);
  va_end (arguments);
  length += wanted < 0 ? 0 : (size_t) wanted < room ? (size_t) wanted : room - 1;
  line[length++] = '\n';
  fflush (stdout);
  /* One write, as several threads may come here at once. */
  done = write (STDERR_FILENO, line, length);
  (void) done;
  _Exit (1);
}

void
out_of_memory (size_t size)
{
  die ("out of memory: no block of %zu bytes", size);
}

void *
array_new (size_t count, size_t each)
{
  size_t length, now, peak;
  size_t *mapping;

  if (count > (PTRDIFF_MAX - ARRAY_HEAD) / each)
    die ("an array of %zu times %zu bytes is too big", count, each);
  length = ARRAY_HEAD + count * each;
  mapping = mmap (NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    die ("no %zu bytes for a table: %s", length, strerror (errno));
  *mapping = length;
  now = __atomic_add_fetch (&bytes_now, length, __ATOMIC_RELAXED);
  peak = __atomic_load_n (&bytes_peak, __ATOMIC_RELAXED);
  while (now > peak
         && !__atomic_compare_exchange_n (&bytes_peak, &peak, now, 0, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED))
    ;
  return (char *) mapping + ARRAY_HEAD;
}

void
array_delete (void *array)
{
  size_t *mapping;

  if (!array)
    return;
  mapping = (size_t *) (void *) ((char *) array - ARRAY_HEAD);
  __atomic_sub_fetch (&bytes_now, *mapping, __ATOMIC_RELAXED);
  munmap (mapping, *mapping);
}

size_t
array_bytes_peak (void)
{
  return __atomic_load_n (&bytes_peak, __ATOMIC_RELAXED);
}

void
array_bytes_forget (void)
{
  __atomic_store_n (&bytes_peak, __atomic_load_n (&bytes_now, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

void
random_sizes (struct random *r, uint32_t *sizes, size_t count, uint32_t least, uint32_t most)
{
  for (size_t i = 0; i < count; i++)
    sizes[i] = random_between (r, least, most);
}

void
random_order (struct random *r, uint32_t *order, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    {
      uint32_t other = random_below (r, (uint64_t) i + 1);

      order[i] = order[other];
      order[other] = i;
    }
}

static int
by_value (const void *left, const void *right)
{
  double a = *(const double *) left, b = *(const double *) right;

  return (a > b) - (a < b);
}

void
sort_values (double *values, size_t count)
{
  qsort (values, count, sizeof values[0], by_value);
}
