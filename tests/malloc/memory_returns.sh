#!/bin/sh
# SPDX-License-Identifier: MIT
# Freed memory goes back to the system.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form memory_returns.c
tap_end
