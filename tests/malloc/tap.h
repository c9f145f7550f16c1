/* SPDX-License-Identifier: MIT */
/*
 * tap.h: what the drop-in's test programs share: plain programs, with no library of ours or of
 * check, so that all of their malloc is the one under test.  tests/malloc/forms.sh runs each on the
 * C library, under LD_PRELOAD and linked with the archive, and says which in SYDRA_FORM.
 */
#ifndef SY_MALLOC_TAP_H
#define SY_MALLOC_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Weak: the files of a program share them. */
extern unsigned tap_count, tap_failed;
unsigned tap_count __attribute__ ((weak)), tap_failed __attribute__ ((weak));

static inline void
tap (bool passed, const char *fact)
{
  printf ("%sok %u - %s\n", passed ? "" : "not ", ++tap_count, fact);
  fflush (stdout);
  tap_failed += !passed;
}

static inline void
tap_skip (const char *fact, const char *reason)
{
  printf ("ok %u - %s # SKIP %s\n", ++tap_count, fact, reason);
  fflush (stdout);
}

/* Says what was found where a fact does not hold; false, to be returned. */
static inline bool __attribute__ ((format (printf, 1, 2)))
tap_no (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  fputs ("# ", stdout);
  vprintf (format, arguments);
  putchar ('\n');
  va_end (arguments);
  return false;
}

static inline int
tap_end (void)
{
  printf ("1..%u\n", tap_count);
  return tap_failed != 0;
}

/* Is it the C library's own malloc that is under test? */
static inline bool
tap_is_c_library (void)
{
  const char *form = getenv ("SYDRA_FORM");

  return form != NULL && strcmp (form, "C library") == 0;
}

/* SplitMix64; SYDRA_SEED=N repeats a run. */
extern uint64_t tap_state;
uint64_t tap_state __attribute__ ((weak));

static inline void
tap_seed (void)
{
  const char *given = getenv ("SYDRA_SEED");

  tap_state = given != NULL && *given != '\0' ? strtoull (given, NULL, 0)
              : (uint64_t) time (NULL) * 1000003u + (uint64_t) getpid ();
  printf ("# seed %llu\n", (unsigned long long) tap_state);
}

static inline uint64_t
tap_next (uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline size_t
tap_below (size_t limit)
{
  return (size_t) (tap_next (&tap_state) % limit);
}

/* Resident bytes now, and the mapped ones. */
static inline size_t
tap_memory (unsigned column)
{
  unsigned long pages[2] = { 0, 0 };
  FILE *file = fopen ("/proc/self/statm", "r");

  if (file == NULL || fscanf (file, "%lu %lu", &pages[0], &pages[1]) != 2)
    abort ();
  fclose (file);
  return pages[column] * (size_t) sysconf (_SC_PAGESIZE);
}

static inline size_t
tap_resident (void)
{
  return tap_memory (1);
}

static inline size_t
tap_mapped (void)
{
  return tap_memory (0);
}

#endif
