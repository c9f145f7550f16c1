#!/bin/sh
# SPDX-License-Identifier: MIT
# Every complete program in the man pages and in README.md compiles, links and runs.  This test runs
# in the build directory.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${CFLAGS=}" "${LDFLAGS=}"

# shellcheck disable=SC2086  # the compiler and flags are lists of words, here and below
set -- $CC
if ! command -v "$1" > /dev/null; then
  echo "1..0 # SKIP no compiler: $CC"
  exit 0
fi
if [ ! -e libsydra-alloc.la ] || [ ! -x libtool ]; then
  echo "1..0 # SKIP not in a build directory"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Writes each literal block to a file of its own: PAGE-NUMBER.c.
for page in "$top_srcdir"/man/*.[37] "$top_srcdir/README.md"; do
  "$AWK" -v stem="$work/${page##*/}-" '
    /^\.Bd -literal/ || /^```c$/ { inside = 1; file = stem (++n) ".c"; next }
    /^\.Ed/ || /^```$/ { inside = 0; close(file) }
    inside { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\-/, "-"); print > file }
  ' "$page"
done

# builds PROGRAM: compiles PROGRAM.c and links it with this build's library, shared or static.
builds () {
  # shellcheck disable=SC2086
  $CC $CFLAGS -std=c99 -pedantic-errors -Wall -Wextra -pthread -I"$top_srcdir/include" \
    -c -o "$1.o" "$1.c" &&
    ./libtool --silent --tag=CC --mode=link $CC $CFLAGS -pthread $LDFLAGS -no-install \
      -o "$1" "$1.o" libsydra-alloc.la
}

for source in "$work"/*.c; do
  grep -q '^main (' "$source" || continue
  program=${source%.c}
  fact="the program in ${program##*/}"
  if builds "$program" > "$work/log" 2>&1; then
    tap 0 "$fact compiles and links"
    "$program" > "$work/log" 2>&1
    status=$?
    [ $status -eq 0 ]
    tap $? "$fact runs and exits with 0 ($status)"
  else
    tap 1 "$fact compiles and links"
    status=1
  fi
  [ $status -eq 0 ] || sed 's/^/# /' "$work/log"
done
[ "$tap_count" -ge 26 ]
tap $? "the programs were found"
tap_end
