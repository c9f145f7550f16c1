/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "start.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/configured.h"
#include "api/fork.h"
#include "base/metadata.h"
#include "conf.h"
#include "report.h"
#include "stdio_lock.h"

AO_t sy_process_handle;

static pthread_once_t conf_read = PTHREAD_ONCE_INIT, report_begun = PTHREAD_ONCE_INIT;
/* What the environment asks for.  NULL: nothing.  It is large, and so taken only if needed: the
   stack of the thread that calls malloc first may be small. */
static struct sy_conf *conf;

static void
write_line (const char *line, size_t length)
{
  /* If that fails, there is nothing left to do. */
  if (write (STDERR_FILENO, line, length) < 0)
    return;
}

static void
read_conf (void)
{
  static const char no_memory[] = "sydra-malloc: SYDRA_ALLOC_CONF: no memory to read it\n";
  const char *text = secure_getenv ("SYDRA_ALLOC_CONF");

  if (text == NULL || *text == '\0')
    return;
  conf = sy_metadata_take (sizeof *conf, __alignof__ (struct sy_conf));
  if (conf != NULL)
    sy_conf_read (conf, text, write_line);
  else
    write_line (no_memory, sizeof no_memory - 1);
}

/* The pool asks for this when the handle is made. */
int
sy_configured_shards (void)
{
  (void) pthread_once (&conf_read, read_conf);
  return conf == NULL ? SY_CONFIG_SHARDS : conf->shards;
}

/* The same when the pool is opened. */
int
sy_configured_huge (void)
{
  (void) pthread_once (&conf_read, read_conf);
  return conf == NULL ? 0 : conf->huge;
}

/* Nothing to do: this is the module itself, or the archive. */
void
sy_fork_register_module (void)
{
}

static void
begin_report (void)
{
  (void) pthread_once (&conf_read, read_conf);
  if (conf != NULL)
    sy_report_begin (conf, (struct sydra_alloc *) AO_load (&sy_process_handle));
}

struct sydra_alloc *
sy_start (void)
{
  int saved = errno;
  struct sydra_alloc *a = sydra_alloc_default ();

  AO_store (&sy_process_handle, (AO_t) a);
  /*
   * Comes after the store, so that malloc works: a call that allocated here would find the handle
   * made.
   */
  (void) pthread_once (&report_begun, begin_report);
  errno = saved;
  return a;
}

void SY_NOINLINE
sy_process_free_slow (void *block)
{
  sy_backend_free_slow (sy_process (), block);
}

static void
register_all (void)
{
  sy_fork_register ();
  sy_stdio_lock_register ();
}

SY_EXPORT void
sydra_malloc_load (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  (void) pthread_once (&once, register_all);
}

void
sy_load (int argc, char **argv, char **environment)
{
  (void) argc;
  (void) argv;
  /*
   * Before the C library's own constructor there is no environment yet.  It will set the same one.
   */
  if (environ == NULL)
    environ = environment;
  sydra_malloc_load ();
  (void) sy_process ();
}
