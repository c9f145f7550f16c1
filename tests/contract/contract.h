/* SPDX-License-Identifier: MIT */
/* contract.h: what the parts of the contract test share: the handle that each test gets new, and
   bytes that can be told again. */
#ifndef SY_TEST_CONTRACT_H
#define SY_TEST_CONTRACT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "suite.h"
#include "sydra/alloc.h"

/* alignof (max_align_t), for C99. */
union contract_any {
  long long integer;
  long double number;
  void *pointer;
  void (*function) (void);
};
#define MAX_ALIGN (__alignof__ (union contract_any))

/* The pool's largest block of a class.  What is larger is a large block, or the heap's in the modes
   without a pool. */
#define POOL_MAX ((size_t) 131072)

/* Made before each test and ended after it, when no block of it may be live any more. */
extern struct sydra_alloc *a;

/* A case with that handle. */
TCase *contract_case (Suite *suite, const char *name, double seconds);

/* The handle's numbers now. */
struct sydra_stats contract_stats (struct sydra_alloc *of);

/* Writes bytes that only this tag gives; any shorter count of them is the beginning of the same. */
void contract_stamp (void *block, size_t bytes, uint64_t tag);

/* Whether they are still there. */
bool contract_stamped (const void *block, size_t bytes, uint64_t tag);

/* Remembers a block that is left live when its handle ends: what stays in the C library then is not
   lost to leak checkers. */
void contract_leave (void *block);

bool contract_is_zero (const void *block, size_t bytes);

static inline bool
contract_is_aligned (const void *block, size_t alignment)
{
  return ((uintptr_t) block & (alignment - 1)) == 0;
}

void contract_add_sizes (Suite *suite);
void contract_add_errno (Suite *suite);
void contract_add_zeroed (Suite *suite);
void contract_add_realloc (Suite *suite);
void contract_add_handles (Suite *suite);
void contract_add_limits (Suite *suite);
void contract_add_interface (Suite *suite);
void contract_add_stats (Suite *suite);
void contract_add_stats_write (Suite *suite);
void contract_add_epochs (Suite *suite);
void contract_add_deferred (Suite *suite);
void contract_add_deferred_threads (Suite *suite);
void contract_add_destructors (Suite *suite);
void contract_add_first (Suite *suite);

/* The status of a program that was started only to make its first calls in an unusual place; -1:
   this is the test itself. */
int contract_first_main (void);

#endif
