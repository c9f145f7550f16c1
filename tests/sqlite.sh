#!/bin/sh
# SPDX-License-Identifier: MIT
# The SQLite example, small: a real program with all its memory from a handle, its database sound at the end.
. "${top_srcdir:=.}/tests/tap.sh"

if [ ! -x examples/sqlite ]; then
  echo "1..0 # SKIP sqlite3 not found: the example was not built"
  exit 0
fi
said=$(examples/sqlite --rows 2000 --threads 4 2>&1)
status=$?
printf '%s\n' "$said" | sed 's/^/# /'
tap $status "examples/sqlite with 2,000 rows and 4 threads ends well"
tap_end
exit "$tap_failed"
