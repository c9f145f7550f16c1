/* SPDX-License-Identifier: MIT */
/*
 * threads.h: starts threads and waits for them.  If a thread cannot be started, the test fails.  As
 * long as all goes well, nothing of check is called (see unit/child.h).
 */
#ifndef SY_TEST_THREADS_H
#define SY_TEST_THREADS_H

#include <pthread.h>

#include "suite.h"

static inline pthread_t
thread_start (void *(*body) (void *argument), void *argument)
{
  pthread_t thread;

  test_must (pthread_create (&thread, NULL, body, argument) == 0, "no thread");
  return thread;
}

/* Waits for the thread and returns its result. */
static inline void *
thread_join (pthread_t thread)
{
  void *result;

  test_must (pthread_join (thread, &result) == 0, "a thread was not waited for");
  return result;
}

static inline void
threads_join (const pthread_t *threads, unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    (void) thread_join (threads[at]);
}

static inline void *
in_a_thread (void *(*body) (void *argument), void *argument)
{
  return thread_join (thread_start (body, argument));
}

/*
 * Runs the body in so many threads at once and waits for all of them.  Their arguments are
 * consecutive numbers, starting with `first`.
 */
static inline void
in_threads (unsigned count, void *(*body) (void *number), uintptr_t first)
{
  enum { MOST = 64 };
  pthread_t threads[MOST];

  test_must (count <= MOST, "%u threads", count);
  for (unsigned at = 0; at < count; at++)
    threads[at] = thread_start (body, (void *) (first + at));
  threads_join (threads, count);
}

#endif
