#!/bin/sh
# SPDX-License-Identifier: MIT
# malloc and its relatives behave like the C library's in all corner cases.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form conformance.c
statically_linked conformance.c
tap_end
