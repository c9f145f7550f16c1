/* SPDX-License-Identifier: MIT */
/*
 * citizen.h: what the programs of scripts/compare-citizen share.  Each program looks at one thing
 * that a process pays for its allocator, and prints the figures in one line.  The allocator is the
 * C library's, or one that is preloaded.
 */
#ifndef CITIZEN_H
#define CITIZEN_H

#include <stddef.h>

#define MIB ((size_t) 1 << 20)

/* A block with something written to each of its pages.  Ends the program if there is none. */
void *block_new (size_t size);

/* As block_new, but returns NULL if there is none. */
void *block_try (size_t size);

/* Allocates one block of each of that many sizes, from 16 bytes up, at most 32 of them. */
void sizes_use (size_t count);

/* A member of /proc/self/status in KiB, such as "VmSize".  Takes no memory from the allocator. */
size_t status_kib (const char *member);

/* Forks a child that ends at once, and waits for it.  Ends the program if either fails. */
void fork_and_wait (void);

/* The number that a word has.  Ends the program if it has none. */
size_t number_of (const char *word);

#endif
