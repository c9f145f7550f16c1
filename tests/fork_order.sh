#!/bin/sh
# SPDX-License-Identifier: MIT
# A fork takes the locks of other libraries before the allocator's, as the holder of such a lock may
# allocate.  This does not depend on how the program is linked.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${CFLAGS=}" "${LDFLAGS=}" "${fork_libs=}"

shared=$PWD/.libs/libsydra-alloc.so
archive=$PWD/.libs/libsydra-alloc.a
module=$PWD/.libs/libsydra-malloc.so
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

case "$CFLAGS $LDFLAGS" in
  *-fsanitize*)
    echo "1..0 # SKIP a sanitizer has locks and fork handlers of its own"
    exit 0 ;;
esac

# compile OUTPUT WORD...: compiles; if that fails, reports a failed result and returns false.
compile () {
  output=$work/$1 name=$1
  shift
  # shellcheck disable=SC2086  # flags are words
  $CC -std=gnu99 $CFLAGS -pthread -I"$top_srcdir/include" -I"$top_srcdir/tests/fork" -o "$output" \
    "$@" $LDFLAGS > "$work/log" 2>&1 && return
  tap 1 "$name is compiled"
  sed 's/^/# /' "$work/log"
  return 1
}

# forks FACT COMMAND...: all forks of the command return.
forks () {
  fact=$1
  shift
  "$@" > "$work/out" 2>&1
  status=$?
  [ $status -eq 0 ]
  tap $? "$fact: $(tr '\n' ' ' < "$work/out")(status $status)"
}

compile liblibrary.so -shared -fPIC "$top_srcdir/tests/fork/library.c" || { tap_end; exit 0; }
main=$top_srcdir/tests/fork/main.c
rpath="-Wl,-rpath,$work,-rpath,$PWD/.libs"
if [ -e "$shared" ]; then
  compile before "$main" "$shared" "$work/liblibrary.so" "$rpath" &&
    forks "shared, before the library" "$work/before"
  compile behind "$main" "$work/liblibrary.so" "$shared" "$rpath" &&
    forks "shared, behind the library" "$work/behind"
  if [ -e "$module" ]; then
    forks "... and the module preloaded" env LD_PRELOAD="$module" "$work/behind"
    forks "... and the library allocates by malloc" env LD_PRELOAD="$module" "$work/behind" malloc
  else
    tap_skip "... and the module preloaded: no module was built"
  fi
else
  tap_skip "shared: not built"
fi
if [ -e "$archive" ]; then
  # shellcheck disable=SC2086  # words
  compile static "$main" "$archive" "$work/liblibrary.so" "$rpath" $fork_libs &&
    forks "the archive" "$work/static"
else
  tap_skip "the archive: not built"
fi
tap_end
