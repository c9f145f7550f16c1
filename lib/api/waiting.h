/* SPDX-License-Identifier: MIT */
/*
 * waiting.h: in debug builds, the blocks of all handles that wait for readers.
 *
 * So a block that is deferred twice, or freed while it waits, is found.  In other builds nobody
 * adds a block, and the locks are none.
 */
#ifndef SY_WAITING_H
#define SY_WAITING_H

/* Reports a block that waits already. */
void sy_waiting_add (const void *block);
void sy_waiting_remove (const void *block);

/* Reports a block that waits; call names the public call. */
void sy_waiting_check (const void *block, const char *call);

/* Around a fork; and in its child, where another set is made of what is left. */
void sy_waiting_lock (void);
void sy_waiting_unlock (void);
void sy_waiting_forget (void);

#endif
