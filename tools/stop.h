/* SPDX-License-Identifier: MIT */
/* stop.h: the ways in which sydra-run ends without having run the program, as env(1) numbers them. */
#ifndef SYDRA_RUN_STOP_H
#define SYDRA_RUN_STOP_H

enum stop_status
{
  STOP_FAILED = 125,     /* sydra-run's own failure */
  STOP_CANNOT_RUN = 126, /* the program was found, and cannot be run so */
  STOP_NOT_FOUND = 127
};

/* "sydra-run: ..." in one line on standard error; control characters of what is quoted are shown as '?'.  Ends the process. */
void stop (enum stop_status status, const char *format, ...) __attribute__ ((__noreturn__, __format__ (__printf__, 2, 3)));

#endif
