#!/bin/sh
# SPDX-License-Identifier: MIT
# How large a core dump is.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form core_size.c
tap_end
