/* SPDX-License-Identifier: MIT */
/*
 * faulty_malloc.c: linked into a kernel with --wrap, an allocator with a fault: one call in so many
 * hands out a block that is in use, and loses what realloc should keep, and leaves old contents in
 * what calloc gives.  The kernel must find it.  Nothing is freed.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_EVERY 50u

void *__real_malloc (size_t);
void *__real_realloc (void *, size_t);
void *__wrap_malloc (size_t);
void *__wrap_calloc (size_t, size_t);
void *__wrap_realloc (void *, size_t);
void __wrap_free (void *);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over what follows */
static unsigned calls;
static void *last; /* what the last call of malloc gave, of last_size bytes */
static size_t last_size;

static int
time_for_a_fault (void)
{
  return ++calls % FAULT_EVERY == 0;
}

void *
__wrap_malloc (size_t size)
{
  void *given;

  pthread_mutex_lock (&lock);
  if (!time_for_a_fault () || size > last_size)
    {
      last = __real_malloc (size);
      last_size = size;
    }
  given = last;
  pthread_mutex_unlock (&lock);
  return given;
}

void *
__wrap_calloc (size_t count, size_t each)
{
  char *start = __real_malloc (count * each);
  int fault;

  pthread_mutex_lock (&lock);
  fault = time_for_a_fault ();
  pthread_mutex_unlock (&lock);
  if (start)
    {
      memset (start, 0, count * each);
      start[0] = (char) fault;
    }
  return start;
}

/* Blocks here only grow, by the half at most. */
void *
__wrap_realloc (void *old, size_t size)
{
  void *start = __real_realloc (old, size);
  int fault;

  pthread_mutex_lock (&lock);
  fault = time_for_a_fault ();
  pthread_mutex_unlock (&lock);
  if (start && old && fault)
    memset (start, 0, size / 2);
  return start;
}

void
__wrap_free (void *start)
{
  (void) start;
}
