#!/bin/sh
# SPDX-License-Identifier: MIT
# The man pages and documents refer only to things that exist.
. "${top_srcdir:=.}/tests/tap.sh"

own=$(for page in "$top_srcdir"/man/*.[137]; do
  section=${page##*.}
  "$AWK" -v section="$section" '/^\.Sh / { inside = ($2 == "NAME") } inside && $1 == ".Nm" { print $2 "." section }' "$page"
done)
for page in "$top_srcdir"/man/*.[137]; do
  missing=$("$AWK" '$1 == ".Xr" && $2 ~ /^sydra/ { print $2 "." $3 }' "$page" | sort -u |
    while read -r reference; do
    printf '%s\n' "$own" | grep -qxF "$reference" || echo "$reference"
  done)
  tap_empty "${page##*/} refers to no missing page of ours" "$missing"
done

for document in "$top_srcdir"/*.md "$top_srcdir"/doc/*.md "$top_srcdir"/lib/*/README.md; do
  missing=$(grep -o '](\([^)#]*\)' "$document" | sed 's/^](//' | grep -v '^[a-z]*:' | sort -u |
    while read -r target; do
    [ -z "$target" ] || [ -e "${document%/*}/$target" ] || echo "$target"
  done)
  tap_empty "${document#"$top_srcdir"/} links to no missing file" "$missing"
done

# Paths in backquotes start at the top or in lib/.  NAME stands for any name.  The program of a test
# is named without .c.
paths () {
  cat "$@" | grep -o '`[A-Za-z0-9_.-][A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*`' | tr -d '`' | grep -v NAME |
    sort -u
}

missing=$(paths "$top_srcdir"/*.md "$top_srcdir"/doc/*.md | while read -r path; do
  for there in "$top_srcdir/$path" "$top_srcdir/lib/$path"; do
    if [ -e "$there" ] || [ -e "$there.c" ]; then
      continue 2
    fi
  done
  # Is this a path of the tree?
  if [ -d "$top_srcdir/${path%%/*}" ] || [ -d "$top_srcdir/lib/${path%%/*}" ]; then
    echo "$path"
  fi
done)
tap_empty "the documents name no path that is not there" "$missing"
tap_end
