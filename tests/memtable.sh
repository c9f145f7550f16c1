#!/bin/sh
# SPDX-License-Identifier: MIT
# The memtable example, for short runs.  The content does not depend on the number of threads.  At
# the end no block waits for readers.  Bad lines are reported.
. "${top_srcdir:=.}/tests/tap.sh"

memtable=examples/memtable
data=$top_srcdir/examples/memtable.lp
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT

# loaded FACT OPTION...: exit status 0 and nothing on stderr.  The output goes to $said.
loaded () {
  fact=$1
  shift
  said=$("$memtable" "$@" 2>&1)
  status=$?
  printf '%s\n' "$said" | sed 's/^/# /'
  tap "$status" "$fact"
}

# statistic WORDS: prints the number that follows the words.
statistic () {
  printf '%s\n' "$said" | sed -n "s/.*$1 \([0-9a-f]*\).*/\1/p"
}

# complains FACT LINE MESSAGE: the line is reported as bad, for that reason.  The good line after it
# is loaded.
complains () {
  said=$(printf '# a comment\n%s\ngood value=1i 5\n' "$2" |
    "$memtable" --writers 1 --readers 0 2> "$scratch/errors")
  [ $? -eq 1 ] && [ "$(statistic 'bad')" = 1 ] && [ "$(statistic 'points')" = 1 ] \
    && [ "$(cat "$scratch/errors")" = "memtable: standard input:2: $3" ]
  status=$?
  [ "$status" -eq 0 ] || sed 's/^/# /' "$scratch/errors"
  tap "$status" "$1"
}

# refused FACT OPTION...: exit status 2 and one line on stderr.
refused () {
  fact=$1
  shift
  line=$("$memtable" "$@" 2>&1 > /dev/null < /dev/null)
  [ $? -eq 2 ] && [ "$(printf '%s\n' "$line" | grep -c .)" -eq 1 ]
  tap $? "$fact"
}

# ---- Content ----

loaded "one writer and one reader load the example's points" --writers 1 --readers 1 "$data"
checksum=$(statistic 'checksum')
[ ${#checksum} -eq 16 ]
tap $? "there is a checksum"
loaded "four of each do" --writers 4 --readers 4 "$data"
[ "$(statistic 'checksum')" = "$checksum" ]
tap $? "four of each give the same content as one"
loaded "four of each load it 300 times" --writers 4 --readers 4 --rounds 300 "$data"
[ "$(statistic 'checksum')" = "$checksum" ]
tap $? "300 rounds give the same content as one"
[ "$(statistic 'deferred blocks: .* after loading,')" = 0 ]
tap $? "no deferred block is left after sydra_collect"
[ "$(statistic 'deferred and freed:')" -gt 10000 ]
tap $? "blocks were deferred and freed"
loaded "with no more than 4,096 bytes that may wait" --writers 4 --readers 4 \
  --rounds 20 --max-deferred 4096 "$data"
[ "$(statistic 'checksum')" = "$checksum" ] &&
  [ "$(statistic 'deferred blocks: .* after loading,')" = 0 ]
tap $? "a small limit loses nothing"
[ "$(statistic 'deferred bytes, the most:')" -le 4096 ]
tap $? "a small limit is kept"
said=$("$memtable" < "$data")
[ "$(statistic 'checksum')" = "$checksum" ]
tap $? "standard input is read as the file is"

# awk works out the expected content: for each series and time the last line counts.  In one series
# of the example some lines have the tags in another order; sed puts them in order.
expected=$(sed -e '/^#/d' -e '/^$/d' -e 's/,host=\([a-z]*\),core=\([0-9]\)/,core=\2,host=\1/' \
  "$data" | LC_ALL=C "$AWK" '
  {
    gone = sub (/^!delete /, ""); time = $NF; sub (/ [0-9-]+$/, "")
    text = $0; match (text, /[^\\] /); name = substr (text, 1, RSTART)
  }
  gone { delete points[text " " time]; next }
  { points[name " " time] = text " " time }
  END { for (key in points) print points[key] }' | LC_ALL=C sort)
found=$("$memtable" --dump "$data" | sed '/^lines /,$d')
tap_same "the content is what the lines say" "$expected" "$(printf '%s\n' "$found" | LC_ALL=C sort)"
times=$(printf '%s\n' "$found" | sed -n 's/^epoch.* //p' | tr '\n' ' ')
[ "$times" = "-1000000000000000000 -1 0 " ]
tap $? "points are in the order of their times"

# ---- Bad lines ----

complains "a line without a timestamp" 'cpu,host=a user=1.5' 'no timestamp'
complains "a delete without a timestamp" '!delete cpu,host=a' 'no timestamp'
complains "a timestamp of letters" 'cpu user=1.5 noon' \
  'timestamp "noon" is no whole number of nanoseconds'
complains "a timestamp that is too large" 'cpu user=1.5 9223372036854775808' \
  'timestamp "9223372036854775808" is out of range'
complains "a line without fields" 'cpu,host=a' 'no fields'
complains "a field without a value" 'cpu user 5' 'field "user" is not NAME=VALUE'
complains "a field of letters" 'cpu user=high 5' \
  'field "user": "high" is no number, integer, boolean or text'
complains "an integer that is too large" 'cpu n=9223372036854775808i 5' \
  'field "n": "9223372036854775808i" is no number, integer, boolean or text'
complains "a text without its end" 'cpu note="high 5' 'the text of field "note" does not end well'
complains "a tag without a value" 'cpu,host user=1 5' 'tag "host" is not NAME=VALUE'
complains "a tag twice" 'cpu,a=1,a=2 user=1 5' 'tag "a" is there twice'
complains "no measurement" ',a=1 user=1 5' 'no measurement'
complains "an unknown command" '!drop cpu 5' 'no such command; there is "!delete SERIES TIMESTAMP"'

# ---- The command line ----

refused "--writers 0 is refused" --writers 0
refused "--readers 65 is refused" --readers 65
refused "--rounds of words is refused" --rounds many
refused "--max-deferred without a number is refused" --max-deferred
refused "an unknown option is refused" --threads 4
refused "two files are refused" "$data" "$data"
"$memtable" "$scratch/missing" > /dev/null 2>&1
[ $? -eq 1 ]
tap $? "a file that is not there is a failure"
tap_end
exit "$tap_failed"
