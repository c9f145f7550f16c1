/* SPDX-License-Identifier: MIT */
/*
 * stdio_lock.h: a fork takes the lock of stdio's list of streams before malloc's.
 *
 * fork takes it after the fork handlers, and its own malloc's locks after that.  A thread in fflush (NULL) holds it while a stream's function
 * allocates: with malloc's locks held by the handlers, both would wait for ever.
 */
#ifndef SY_MALLOC_STDIO_LOCK_H
#define SY_MALLOC_STDIO_LOCK_H

/* Registers the handlers: after those of malloc's own locks, as what is registered last is called first. */
void sy_stdio_lock_register (void);

#endif
