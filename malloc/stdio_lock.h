/* SPDX-License-Identifier: MIT */
/*
 * stdio_lock.h: makes a fork take the lock of stdio's list of streams before malloc's locks.
 *
 * glibc's fork first runs the fork handlers, then takes that lock, then the locks of its own
 * malloc.  A thread in fflush (NULL) holds that lock while a stream's function allocates.  If only
 * our handlers had taken malloc's locks by then, the thread and the fork would wait for each other
 * for ever.
 */
#ifndef SY_MALLOC_STDIO_LOCK_H
#define SY_MALLOC_STDIO_LOCK_H

/*
 * Registers the handlers.  Call it after malloc's own handlers are registered, as the handler that
 * is registered last runs first.
 */
void sy_stdio_lock_register (void);

#endif
