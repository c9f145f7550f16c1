#!/bin/sh
# SPDX-License-Identifier: MIT
# The man pages explain every member of the public header's structs and every constant, and no
# others.
. "${top_srcdir:=.}/tests/tap.sh"

header=$("$AWK" -f "$top_srcdir/tests/members.awk" "$top_srcdir/include/sydra/alloc.h" | sort)
man=$(cat "$top_srcdir"/man/*.3 | "$AWK" -v man=1 -f "$top_srcdir/tests/members.awk" | sort)

for struct in sydra_alloc_options sydra_stall sydra_allocator sydra_stats sydra_class_stats; do
  printf '%s\n' "$header" | grep -q "^$struct "
  tap $? "the header's struct $struct was found"
done
tap_same "every member of a struct, and every constant, is explained in a man page" "$header" \
  "$(printf '%s\n' "$man" | uniq)"
tap_empty "no member is explained twice" "$(printf '%s\n' "$man" | grep ' ' | uniq -d)"
tap_end
