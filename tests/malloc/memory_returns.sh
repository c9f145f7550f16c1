#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory comes back.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form memory_returns.c
tap_end
