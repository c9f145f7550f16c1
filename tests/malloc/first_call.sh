#!/bin/sh
# SPDX-License-Identifier: MIT
# Any call of malloc may be the first or the last one of a process or of a thread.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

build libearly.so early.c -shared -fPIC -Wl,-z,initfirst || { tap_end; exit 0; }
build late.so late.c -shared -fPIC || { tap_end; exit 0; }
copies=70
at=0
while [ "$at" -lt "$copies" ]; do
  cp "$work/late.so" "$work/late.so.$at"
  at=$((at + 1))
done

# each FORM COMMAND-BEFORE... PROGRAM: runs the program in that form, always with the same words.
each () {
  retell "$@" "$work/late.so" "$copies"
}

words="-L$work -Wl,-rpath,$work"
# shellcheck disable=SC2086  # flags are words
if build first_call first_call.c $words -learly -ldl; then
  each "C library" "$work/first_call"
  if [ -e "$module" ]; then
    each "module" env LD_PRELOAD="$module" "$work/first_call"
    each "module, with every symbol bound at the start" env LD_BIND_NOW=1 LD_PRELOAD="$module" \
      "$work/first_call"
  else
    tap_skip "module: not built"
  fi
fi
if [ -e "$archive" ]; then
  # shellcheck disable=SC2046,SC2086
  build first_call_linked first_call.c $words -learly $(linked) -ldl &&
    each "archive" "$work/first_call_linked"
else
  tap_skip "archive: not built"
fi
tap_end
