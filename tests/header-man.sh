#!/bin/sh
# SPDX-License-Identifier: MIT
# The public header and the man pages declare the same functions with the same arguments.  Each
# function has a page by its own name.
. "${top_srcdir:=.}/tests/tap.sh"

names () {
  sed 's/(.*//; s/.*[ *]//' | sort
}

header=$("$AWK" -f "$top_srcdir/tests/prototypes.awk" "$top_srcdir/include/sydra/alloc.h" | sort)
man=$(cat "$top_srcdir"/man/*.3 | "$AWK" -v man=1 -f "$top_srcdir/tests/prototypes.awk" | sort)

[ "$(printf '%s\n' "$header" | wc -l)" -ge 20 ]
tap $? "the header's prototypes were found"

tap_same "every function of the header, and no other, is in a SYNOPSIS, with its type and arguments" \
  "$header" "$man"

tap_empty "no function has two pages" "$(printf '%s\n' "$man" | names | uniq -d)"

named=$("$AWK" '/^\.Sh / { inside = ($2 == "NAME") } inside && $1 == ".Nm" { print $2 }' \
  "$top_srcdir"/man/*.3 | sort)
tap_same "every function is named in the NAME section of a page" \
  "$(printf '%s\n' "$header" | names)" \
  "$(printf '%s\n' "$named" | grep '^sydra_')"

for page in "$top_srcdir"/man/*.3; do
  functions=$("$AWK" -v man=1 -f "$top_srcdir/tests/prototypes.awk" "$page" | names)
  nm=$("$AWK" '/^\.Sh / { inside = ($2 == "NAME") } inside && $1 == ".Nm" { print $2 }' "$page" |
    sort)
  tap_same "${page##*/}: NAME and SYNOPSIS list the same functions" "$functions" "$nm"
done
tap_end
