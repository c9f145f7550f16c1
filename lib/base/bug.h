/* SPDX-License-Identifier: MIT */
/* bug.h: reports misuse in one line on standard error and ends the process.  Allocates nothing, takes no lock. */
#ifndef SY_BUG_H
#define SY_BUG_H

/* "sydra-alloc: CALL: 0xPOINTER: WHAT", then abort.  call names the public call, or the moment, that found it. */
void sy_bug (const char *call, const void *pointer, const char *what) __attribute__ ((noreturn, cold));

#endif
