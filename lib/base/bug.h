/* SPDX-License-Identifier: MIT */
/* bug.h: reports misuse in one line on standard error and ends the process.  It allocates
   nothing and takes no lock. */
#ifndef SY_BUG_H
#define SY_BUG_H

/* Writes "sydra-alloc: CALL: 0xPOINTER: WHAT" and aborts.  `call` names the public call that
   found the misuse, or the moment. */
void sy_bug (const char *call, const void *pointer, const char *what)
  __attribute__ ((noreturn, cold));

#endif
