#!/bin/sh
# SPDX-License-Identifier: MIT
# A process forks while its threads allocate.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form fork_threads.c
in_each_form fork_stdio.c
tap_end
