#!/bin/sh
# SPDX-License-Identifier: MIT
# malloc and its family behave as the C library's at every edge.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form conformance.c
statically_linked conformance.c
tap_end
