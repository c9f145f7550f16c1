/* SPDX-License-Identifier: MIT */
/* main.c: the test of malloc and its family at every edge: the facts that it says. */
#include "conformance.h"

int
main (void)
{
  tap_seed ();
  test_calloc (); /* first: memory that was never used is part of it */
  test_matrix ();
  test_many ();
  test_too_big ();
  test_overflow ();
  test_failed_realloc ();
  test_zero ();
  test_realloc_to_nothing ();
  test_null ();
  test_errno ();
  test_sized_frees ();
  test_posix_memalign ();
  test_alignments ();
  test_pages ();
  test_realloc ();
  test_realloc_in_place ();
  test_realloc_frees ();
  test_usable ();
  test_introspection ();
  return tap_end ();
}
