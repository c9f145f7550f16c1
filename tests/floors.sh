#!/bin/sh
# SPDX-License-Identifier: MIT
# The library's files keep to their floors (the table in HACKING.md), and what one file does for all is done nowhere else.
. "${top_srcdir:=.}/tests/tap.sh"

lib=$top_srcdir/lib

# others PATTERN FILE...: the lines of code (no comments) in lib/ that match, but for those in the files named.
others () {
  pattern=$1
  shift
  for file in "$lib"/*.[ch]; do
    for allowed in "$@"; do
      [ "${file##*/}" = "$allowed" ] && continue 2
    done
    sed -e 's|/\*.*\*/||' -e '/^ *\/\*/,/\*\//d' "$file" | grep -E "$pattern" | sed "s|^|${file##*/}: |"
  done
}

tap_empty "each file is on one floor and includes lower floors only" \
  "$("$AWK" -f "$top_srcdir/tests/floors.awk" "$top_srcdir/HACKING.md" "$lib"/*.[ch] 2>&1)"
tap_empty "no #if asks for the mode" "$(others '^[[:space:]]*#[[:space:]]*(el)?if.*(MIMALLOC|SMALL_POOL|MODE)')"
tap_empty "only atomic.h includes atomic_ops.h" "$(others '#[[:space:]]*include[[:space:]]*[<"]atomic_ops' atomic.h)"
tap_empty "only os.c asks the system for memory" \
  "$(others '(^|[^a-z0-9_])(mmap|mprotect|madvise|munmap|mremap|membarrier)[[:space:]]*\(' os.c)"
tap_empty "only heap_mimalloc.c includes mimalloc.h" "$(others '#[[:space:]]*include[[:space:]]*<mimalloc' heap_mimalloc.c)"
tap_empty "who defines a lock includes config.h first, which says what kind" \
  "$(grep -l 'SY_LOCK_INIT (' "$lib"/*.c | while read -r file; do
    sed -n '/^#include/{p;q;}' "$file" | grep -v '<config.h>' | sed "s|^|${file##*/}: |"
  done)"
tap_empty "nothing is left to be done" "$(others '(TODO|FIXME|XXX)')"
tap_end
