/* SPDX-License-Identifier: MIT */
/* stop.h: how sydra-run ends when it does not run the program.  The numbers are those of env(1). */
#ifndef SYDRA_RUN_STOP_H
#define SYDRA_RUN_STOP_H

enum stop_status
{
  STOP_FAILED = 125,     /* sydra-run itself failed */
  STOP_CANNOT_RUN = 126, /* the program was found, but cannot be run */
  STOP_NOT_FOUND = 127
};

/*
 * Writes "sydra-run: ..." as one line to standard error and ends the process.  Control characters
 * are shown as '?'.
 */
void stop (enum stop_status status, const char *format, ...)
  __attribute__ ((__noreturn__, __format__ (__printf__, 2, 3)));

#endif
