#!/bin/sh
# SPDX-License-Identifier: MIT
# mandoc's linter accepts the man pages without a warning.
. "${top_srcdir:=.}/tests/tap.sh"

: "${MANDOC:=$(command -v mandoc)}"
if [ -z "$MANDOC" ]; then
  echo "1..0 # SKIP mandoc not found"
  exit 0
fi
for page in "$top_srcdir"/man/*.[137]; do
  tap_empty "${page##*/} is clean" "$("$MANDOC" -T lint -W warning "$page" 2>&1)"
done
tap_end
