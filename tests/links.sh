#!/bin/sh
# SPDX-License-Identifier: MIT
# What the man pages and the documents refer to exists.
. "${top_srcdir:=.}/tests/tap.sh"

own=$(for page in "$top_srcdir"/man/*.[137]; do
  section=${page##*.}
  "$AWK" -v section="$section" '/^\.Sh / { inside = ($2 == "NAME") } inside && $1 == ".Nm" { print $2 "." section }' "$page"
done)
for page in "$top_srcdir"/man/*.[137]; do
  missing=$("$AWK" '$1 == ".Xr" && $2 ~ /^sydra/ { print $2 "." $3 }' "$page" | sort -u | while read -r reference; do
    printf '%s\n' "$own" | grep -qxF "$reference" || echo "$reference"
  done)
  tap_empty "${page##*/} refers to no missing page of ours" "$missing"
done

for document in "$top_srcdir"/*.md; do
  missing=$(grep -o '](\([^)#]*\)' "$document" | sed 's/^](//' | grep -v '^[a-z]*:' | sort -u | while read -r target; do
    [ -z "$target" ] || [ -e "$top_srcdir/$target" ] || echo "$target"
  done)
  tap_empty "${document##*/} links to no missing file" "$missing"
done
tap_end
