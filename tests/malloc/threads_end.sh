#!/bin/sh
# SPDX-License-Identifier: MIT
# Threads start and end.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

in_each_form idle_threads.c
tap_end
