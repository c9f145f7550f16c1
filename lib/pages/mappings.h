/* SPDX-License-Identifier: MIT */
/*
 * mappings.h: how many mappings the process may still make.
 *
 * The system grants 65,530, and what a program moves or maps anew is not always joined again.  So
 * now and then it is asked how many there are; if it does not say, there are too many.
 *
 * | field | written by                | read by    | order                        |
 * | calls | any thread                | any thread | relaxed: a number            |
 * | many  | who asked the system last | any thread | relaxed: a bound with a room |
 */
#ifndef SY_MAPPINGS_H
#define SY_MAPPINGS_H

#include <stdbool.h>

/* May another mapping be made?  One more has been, then. */
bool sy_mappings_may_add (void);

/* Had the process too many, when the system was asked last? */
bool sy_mappings_are_many (void);

#endif
