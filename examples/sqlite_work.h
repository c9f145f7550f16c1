/* SPDX-License-Identifier: MIT */
/* sqlite_work.h: the work that the example gives to SQLite, and a way to end with a message. */
#ifndef SQLITE_WORK_H
#define SQLITE_WORK_H

#include <stdint.h>

#define THREADS_MAX 64

struct work {
  uint64_t rows, seed;
  unsigned threads;
  const char *path;       /* of the database; do_work creates it, the caller removes it */
};

struct times { double load_s, query_s, check_s; };

/*
 * Loads, asks and checks.  *digest covers all answers; it is the same for the same rows, threads
 * and seed.  Ends the process if SQLite fails, if its integrity check is not "ok", or if the
 * readings differ from those that were written.
 */
void do_work (const struct work *work, struct times *times, uint64_t *digest);

/* Prints one line to standard error.  The exit status is 1. */
void die (const char *format, ...) __attribute__ ((__noreturn__, __format__ (__printf__, 1, 2)));

#endif
