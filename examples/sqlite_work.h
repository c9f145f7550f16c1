/* SPDX-License-Identifier: MIT */
/* sqlite_work.h: the work that the example gives to SQLite, and the way out. */
#ifndef SQLITE_WORK_H
#define SQLITE_WORK_H

#include <stdint.h>

#define THREADS_MAX 64

struct work {
  uint64_t rows, seed;
  unsigned threads;
  const char *path;       /* of the database; made by do_work, removed by the caller */
};

struct times { double load_s, query_s, check_s; };

/*
 * Loads, asks and checks.  *digest: of all answers, the same for the same rows, threads and seed.  Ends the process where SQLite fails,
 * where its integrity check is not "ok", or where the readings are not those that were written.
 */
void do_work (const struct work *work, struct times *times, uint64_t *digest);

/* One line on standard error, exit status 1. */
void die (const char *format, ...) __attribute__ ((__noreturn__, __format__ (__printf__, 1, 2)));

#endif
