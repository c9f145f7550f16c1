/* SPDX-License-Identifier: MIT */
/*
 * sqlite_work.c: the work that SQLite does.  It does not know which allocator is used.
 *
 * Threads gather readings in tables in memory and move them batch by batch to one file in WAL mode.
 * Then they query ranges, groups and joins.  Each thread has a connection of its own.  The seed
 * determines all data and all questions.
 */
#include "sqlite_work.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERIES 200              /* reading i is of series i % SERIES, at second i / SERIES */
#define BATCH 10000 /* readings that a writer gathers in memory before it moves them to the file */
#define ROWS_A_QUESTION 500     /* a reader asks one question for so many readings */

void
die (const char *format, ...)
{
  va_list arguments;

  fputs ("sqlite: ", stderr);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  _exit (1);
}

static double
seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* The n-th number of SplitMix64's sequence. */
static uint64_t
random_at (uint64_t seed, uint64_t n)
{
  uint64_t x = seed + (n + 1) * UINT64_C (0x9e3779b97f4a7c15);

  x = (x ^ x >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C (0x94d049bb133111eb);
  return x ^ x >> 31;
}

static int64_t
reading (uint64_t seed, uint64_t row)
{
  return (int64_t) (random_at (seed, row) % 1000000);
}

static void
run (sqlite3 *db, const char *sql)
{
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) != SQLITE_OK)
    die ("%s: %s", sql, sqlite3_errmsg (db));
}

static sqlite3_stmt *
prepare (sqlite3 *db, const char *sql)
{
  sqlite3_stmt *statement;

  if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) != SQLITE_OK)
    die ("%s: %s", sql, sqlite3_errmsg (db));
  return statement;
}

/* Whether there is another row. */
static bool
step (sqlite3_stmt *statement)
{
  int result = sqlite3_step (statement);

  if (result != SQLITE_ROW && result != SQLITE_DONE)
    die ("%s: %s", sqlite3_sql (statement), sqlite3_errmsg (sqlite3_db_handle (statement)));
  return result == SQLITE_ROW;
}

static sqlite3 *
open_database (const char *path)
{
  sqlite3 *db;

  if (sqlite3_open (path, &db) != SQLITE_OK)
    die ("%s: %s", path, sqlite3_errmsg (db));
  sqlite3_busy_timeout (db, 60000);
  run (db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY");
  return db;
}

static void
close_database (sqlite3 *db)
{
  if (sqlite3_close (db) != SQLITE_OK)
    die ("close: %s", sqlite3_errmsg (db));
}

struct worker {
  const struct work *work;
  unsigned index;
  uint64_t digest;
  pthread_t thread;
};

static void
create_tables (const struct work *o)
{
  sqlite3 *db = open_database (o->path);
  sqlite3_stmt *insert;

  run (
    db,
    "CREATE TABLE series (id INTEGER PRIMARY KEY, host TEXT, metric TEXT);"
    "CREATE INDEX series_by_host ON series (host);"
    "CREATE TABLE readings (series INTEGER, at INTEGER, value INTEGER, note TEXT, PRIMARY KEY (series, at)) WITHOUT ROWID;"
    "BEGIN");
  insert = prepare (
    db,
    "INSERT INTO series VALUES (?1, printf ('host-%02d', ?1 / 10), printf ('metric.%d', ?1 % 10))");
  for (int id = 0; id < SERIES; id++)
    {
      sqlite3_bind_int (insert, 1, id);
      step (insert);
      sqlite3_reset (insert);
    }
  sqlite3_finalize (insert);
  run (db, "COMMIT");
  close_database (db);
}

static void
insert_reading (sqlite3_stmt *insert, uint64_t seed, uint64_t row)
{
  char note[64];
  int64_t value = reading (seed, row);
  int length = snprintf (note, sizeof note, "%.*s %d", (int) (value % 24),
                         "checked by the operator ", (int) (value % 1000));

  sqlite3_bind_int64 (insert, 1, (int64_t) (row % SERIES));
  sqlite3_bind_int64 (insert, 2, (int64_t) (row / SERIES));
  sqlite3_bind_int64 (insert, 3, value);
  sqlite3_bind_text (insert, 4, note, length, SQLITE_TRANSIENT);
  step (insert);
  sqlite3_reset (insert);
}

/* A file has one writer at a time.  Writers queue here, so that none of them polls. */
static pthread_mutex_t file_turn = PTHREAD_MUTEX_INITIALIZER;

/* Writes this thread's share of the readings: rows index, index + threads, and so on. */
static void *
write_readings (void *argument)
{
  struct worker *w = argument;
  const struct work *o = w->work;
  sqlite3 *db = open_database (o->path);
  sqlite3_stmt *insert;
  uint64_t row = w->index;

  run (db, "CREATE TEMP TABLE batch (series INTEGER, at INTEGER, value INTEGER, note TEXT)");
  insert = prepare (db, "INSERT INTO batch VALUES (?, ?, ?, ?)");
  while (row < o->rows)
    {
      run (db, "BEGIN");
      for (unsigned i = 0; i < BATCH && row < o->rows; i++, row += o->threads)
        insert_reading (insert, o->seed, row);
      run (db, "COMMIT");
      pthread_mutex_lock (&file_turn);
      run (db,
           "BEGIN IMMEDIATE; INSERT INTO readings SELECT * FROM batch ORDER BY series, at; COMMIT");
      pthread_mutex_unlock (&file_turn);
      run (db, "DELETE FROM batch");
    }
  sqlite3_finalize (insert);
  close_database (db);
  return NULL;
}

/* The three questions.  ?1 is a series; ?2 and ?3 are the first and the last second. */
static const char *const questions[] = {
  "SELECT count (*), sum (value), min (value) + max (value) FROM readings WHERE series = ?1 AND at BETWEEN ?2 AND ?3",
  "SELECT at / 60, max (value), sum (length (note)), group_concat (note, ', ') FROM readings WHERE series = ?1 AND at BETWEEN ?2 AND ?3"
  " GROUP BY at / 60 ORDER BY 2 DESC",
  "SELECT count (*), sum (value), max (length (note)), upper (metric) FROM series JOIN readings ON readings.series = series.id"
  " WHERE host = printf ('host-%02d', ?1 / 10) AND at BETWEEN ?2 AND ?3 GROUP BY metric ORDER BY 2 DESC LIMIT 5"
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

/* Asks as programs do: prepares the question, reads all its rows, and discards it. */
static uint64_t
answer (sqlite3 *db, unsigned question, int64_t series, int64_t first, int64_t last)
{
  sqlite3_stmt *statement = prepare (db, questions[question]);
  uint64_t digest = 0;

  sqlite3_bind_int64 (statement, 1, series);
  sqlite3_bind_int64 (statement, 2, first);
  sqlite3_bind_int64 (statement, 3, last);
  while (step (statement))
    {
      for (int column = 0; column < 3; column++)
        digest = random_at (digest, (uint64_t) sqlite3_column_int64 (statement, column));
      if (sqlite3_column_count (statement) > 3)
        digest += strlen ((const char *) sqlite3_column_text (statement, 3));
    }
  sqlite3_finalize (statement);
  return digest;
}

static void *
ask (void *argument)
{
  struct worker *w = argument;
  const struct work *o = w->work;
  sqlite3 *db = open_database (o->path);
  uint64_t seconds_held = o->rows / SERIES + 1, span = seconds_held / 10 + 1;

  for (uint64_t i = 0; i < o->rows / ROWS_A_QUESTION + QUESTIONS; i++)
    {
      uint64_t random = random_at (o->seed + w->index + 1, i);
      int64_t first = (int64_t) ((random >> 32) % seconds_held);

      w->digest += answer (db, (unsigned) (i % QUESTIONS), (int64_t) (random % SERIES), first,
                           first + (int64_t) span);
    }
  close_database (db);
  return NULL;
}

/*
 * Runs the function in all threads and returns how long that took.  Adds their digests to *digest.
 */
static double
in_threads (const struct work *o, void *(*part) (void *), uint64_t *digest)
{
  static struct worker workers[THREADS_MAX];
  double begin = seconds ();

  for (unsigned i = 0; i < o->threads; i++)
    {
      workers[i] = (struct worker) { .work = o, .index = i };
      if (pthread_create (&workers[i].thread, NULL, part, &workers[i]) != 0)
        die ("no thread %u of %u", i + 1, o->threads);
    }
  for (unsigned i = 0; i < o->threads; i++)
    {
      pthread_join (workers[i].thread, NULL);
      *digest += workers[i].digest;
    }
  return seconds () - begin;
}

/* Runs SQLite's own check, and compares what is there with what was written. */
static void
check_database (const struct work *o)
{
  sqlite3 *db = open_database (o->path);
  sqlite3_stmt *statement = prepare (db, "PRAGMA integrity_check");
  int64_t sum = 0, where = 0;

  if (!step (statement) || strcmp ((const char *) sqlite3_column_text (statement, 0), "ok") != 0)
    die ("integrity_check: %s", (const char *) sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  for (uint64_t row = 0; row < o->rows; row++)
    {
      sum += reading (o->seed, row);
      where += (int64_t) (row % SERIES * (row / SERIES)) ^ reading (o->seed, row);
    }
  statement = prepare (
    db,
    "SELECT count (*), sum (value), sum ((series * at | value) - (series * at & value)) FROM readings");
  step (statement);
  if (sqlite3_column_int64 (statement, 0) != (int64_t) o->rows
      || sqlite3_column_int64 (statement, 1) != sum || sqlite3_column_int64 (statement, 2) != where)
    die ("the readings are not what was written");
  sqlite3_finalize (statement);
  close_database (db);
}

void
do_work (const struct work *o, struct times *times, uint64_t *digest)
{
  create_tables (o);
  times->load_s = in_threads (o, write_readings, digest);
  times->query_s = in_threads (o, ask, digest);

  double begin = seconds ();

  check_database (o);
  times->check_s = seconds () - begin;
}
