/* SPDX-License-Identifier: MIT */
/* calls.h: for tests of first calls: each public call, in a function that says whether it did what
   it should. */
#ifndef SY_TEST_CALLS_H
#define SY_TEST_CALLS_H

#include <stdbool.h>

#include "sydra/alloc.h"

struct call
{
  bool (*make) (struct sydra_alloc *handle);
  bool is_on_a_handle;  /* those that take none get none, so that they are the first indeed */
};
extern const struct call calls[];
extern const unsigned call_count;

/* Allocates and frees. */
bool call_malloc (struct sydra_alloc *handle);

#endif
