/* SPDX-License-Identifier: MIT */
/*
 * waiting.h: in debug builds, the blocks of all handles that wait for readers.
 *
 * So a block that is deferred twice, or freed while it waits, is found.  Other builds call only
 * what a fork needs.
 */
#ifndef SY_WAITING_H
#define SY_WAITING_H

/* Once, before the first handle is there. */
void sy_waiting_open (void);

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
