#!/bin/sh
# SPDX-License-Identifier: MIT
# The SQLite example, for a short run.  All its memory comes from a handle, its database is sound at
# the end, and no block is left.
. "${top_srcdir:=.}/tests/tap.sh"

if [ ! -x examples/sqlite ]; then
  echo "1..0 # SKIP sqlite3 not found: the example was not built"
  exit 0
fi

scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT

# says TEXT FACT: TEXT is a whole line of the output.
says () {
  printf '%s\n' "$said" | grep -q -x -e "$1"
  tap $? "$2"
}

# statistic WORDS: prints the handle's number of that name, or nothing if there is none.
statistic () {
  printf '%s\n' "$said" | sed -n "s/^  $1  *\([0-9][0-9]*\)\$/\1/p"
}

# counted WORDS FACT: that number exists and is over 0.
counted () {
  [ "$(statistic "$1")" -gt 0 ] 2> /dev/null
  tap $? "$2"
}

# refused FACT OPTION...: exit status 2 and one line on stderr.
refused () {
  fact=$1
  shift
  line=$(TMPDIR=$scratch examples/sqlite "$@" 2>&1 > /dev/null)
  [ $? -eq 2 ] && [ "$(printf '%s\n' "$line" | grep -c .)" -eq 1 ]
  tap $? "$fact"
}

said=$(TMPDIR=$scratch examples/sqlite --rows 2000 --threads 4 2>&1)
status=$?
printf '%s\n' "$said" | sed 's/^/# /'
tap $status "examples/sqlite with 2,000 rows and 4 threads ends well"
says "integrity_check on the handle: ok" "the database made on the handle is sound"
says "integrity_check on libc: ok" "the database made on libc is sound"
says "the same answers from both" "queries answer the same on both"
counted "allocations" "the handle served blocks"
[ -n "$(statistic "allocations")" ] && [ "$(statistic "allocations")" = "$(statistic "frees")" ]
tap $? "every block came back"
case $said in
  *"mode small_pool"*) counted "served by shards" "the pool served blocks" ;;
  *) tap_skip "the pool served blocks: the mode has no pool" ;;
esac
left=$(ls -A "$scratch")
tap_empty "no file is left behind" "$left"

TMPDIR=$scratch/missing examples/sqlite --rows 10 > /dev/null 2>&1
[ $? -eq 1 ]
tap $? "a TMPDIR that is not there is a failure"
refused "--rows 0 is refused" --rows 0
refused "--rows of words is refused" --rows many
refused "--threads 65 is refused" --threads 65
refused "--rounds without a number is refused" --rounds
refused "an unknown option is refused" --row-count 5
refused "a plain word is refused" rows
tap_end
exit "$tap_failed"
