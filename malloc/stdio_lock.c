/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "stdio_lock.h"

#include <pthread.h>

/*
 * The C library's recursive lock.  It exports these functions, but no header declares them.  If one
 * is missing, forks do without the lock.
 */
extern void _IO_list_lock (void) __attribute__ ((weak));
extern void _IO_list_unlock (void) __attribute__ ((weak));
extern void _IO_list_resetlock (void) __attribute__ ((weak));

void
sy_stdio_lock_register (void)
{
  /* In the child the C library may have reset the lock already; to reset it again does no harm. */
  if (_IO_list_lock != NULL && _IO_list_unlock != NULL && _IO_list_resetlock != NULL)
    (void) pthread_atfork (_IO_list_lock, _IO_list_unlock, _IO_list_resetlock);
}
