/* SPDX-License-Identifier: MIT */
/* arguments.h: reads the values of a command line's options, and refuses those that are wrong. */
#ifndef BENCH_ARGUMENTS_H
#define BENCH_ARGUMENTS_H

#include <stdint.h>

/* Prints one line to standard error, which begins with program_name.  The exit status is 2. */
void refuse (const char *format, ...)
  __attribute__ ((__noreturn__, __cold__, __format__ (__printf__, 1, 2)));

/*
 * Returns the decimal number at the start of text, and sets *rest to what follows it.  If text
 * starts with no number, or with one that does not fit, *rest is text.
 */
uint64_t leading_number (const char *text, const char **rest);

/* The value of an option, such as "--seed".  Both refuse a text that is no such number. */
uint64_t whole_number (const char *option, const char *text, uint64_t least, uint64_t most);
double number_over_zero (const char *option, const char *text, double most);

#endif
