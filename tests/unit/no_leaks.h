/* SPDX-License-Identifier: MIT */
/*
 * no_leaks.h: for tests of what takes nothing from the C library's malloc: with the address
 * sanitizer no look for leaks when one of their hundreds of processes ends, which takes 0.2 s each.
 */
#ifndef SY_TEST_NO_LEAKS_H
#define SY_TEST_NO_LEAKS_H

#include "base/compiler.h"
#include "suite.h"

#if SY_ADDRESS_SANITIZER
/* The sanitizer asks it. */
SY_EXPORT int __lsan_is_turned_off (void);

int
__lsan_is_turned_off (void)
{
  return 1;
}
#endif

#endif
