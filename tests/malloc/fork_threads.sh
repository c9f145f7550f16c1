#!/bin/sh
# SPDX-License-Identifier: MIT
# A process whose threads allocate forks.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form fork_threads.c
tap_end
