/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "stdio_lock.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/os.h"

/*
 * The C library's recursive lock.  It exports these functions, but no header declares them.  If one
 * is missing, forks do without the lock.
 */
extern void _IO_list_lock (void) __attribute__ ((weak));
extern void _IO_list_unlock (void) __attribute__ ((weak));
extern void _IO_list_resetlock (void) __attribute__ ((weak));

/* Is the lock taken for a fork?  Not where the calling thread is the only one. */
static bool locked;

static void
lock (void)
{
  if (sy_os_is_alone ())
    return;
  _IO_list_lock ();
  locked = true;
}

static void
in_parent (void)
{
  if (!locked)
    return;
  locked = false;
  _IO_list_unlock ();
}

/* The C library may have reset the lock already; to reset it again does no harm. */
static void
in_child (void)
{
  if (!locked)
    return;
  locked = false;
  _IO_list_resetlock ();
}

void
sy_stdio_lock_register (void)
{
  if (_IO_list_lock != NULL && _IO_list_unlock != NULL && _IO_list_resetlock != NULL)
    (void) pthread_atfork (lock, in_parent, in_child);
}
