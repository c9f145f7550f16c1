/* SPDX-License-Identifier: MIT */
/*
 * mappings.h: how many mappings the process may still make.
 *
 * The system grants 65,530, and what a program moves or maps anew is not always joined again.  So
 * now and then it is asked how many there are; if it does not say, there are too many.
 *
 * | field       | written by                | read by    | order                        |
 * | added, seen | any thread                | any thread | relaxed: numbers             |
 * | many        | who asked the system last | any thread | relaxed: a bound with a room |
 */
#ifndef SY_MAPPINGS_H
#define SY_MAPPINGS_H

#include <stdbool.h>

/* Counts so many more that may have been made.  May they?  Under a lock too. */
bool sy_mappings_add (unsigned count);

/* Had the process too many, when the system was asked last? */
bool sy_mappings_are_many (void);

/* Asks the system, if it is time.  It may take milliseconds, so under no lock. */
void sy_mappings_look (void);

#endif
