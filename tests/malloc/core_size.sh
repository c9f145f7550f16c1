#!/bin/sh
# SPDX-License-Identifier: MIT
# The size of a core dump.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form core_size.c
tap_end
