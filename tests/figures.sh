#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/figures: the tables and the picture of made-up results, what it finds in documents that
# were edited by hand, and what it refuses.  Then the documents of the tree beside their results.
. "${top_srcdir:=.}/tests/tap.sh"

figures=$top_srcdir/scripts/figures
if ! /usr/bin/python3 -c '' 2> /dev/null; then
  tap_skip "no /usr/bin/python3 for scripts/figures"
  tap_end
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
picture=
command -v gnuplot > /dev/null 2>&1 || picture=--no-picture

# run SCRIPT: the line that says what was measured.
run () {
  printf '{"run": {"script": "%s", "command": "%s --rounds 5", "date": "2001-02-03", ' "$1" "$1"
  printf '"commit": "%s", "compiler": "cc 1", "machine": "a machine", ' "${commit-1234567}"
  printf '"disturbance": "Others took 1 %%.", '
  printf '"allocators": {"glibc": "libc 2", "jemalloc": "5"}}}\n'
}

# small ROW..., programs ROW...: five rounds of each row.  A row is "ALLOCATOR TIME STEP MEMORY
# NAME": round i takes TIME + i * i * STEP.
small () {
  run compare
  printf '%s\n' "$@" | "$AWK" '{
    for (i = 0; i < 5; i++) {
      printf "{\"round\": %d, \"allocator\": \"%s\", \"blocks\": \"-\", \"sizes\": \"-\", ", i, $1
      printf "\"bench\": {\"results\": [{\"scenario\": \"%s\", \"threads\": 1, ", $5
      printf "\"ns_per_op\": %g, \"rss_peak_kib\": %g, \"tables_kib\": 7, ", $2 + i * i * $3, $4 + 7
      printf "\"rss_deviation_percent\": 0.5}]}}\n"
    }
  }'
}
programs () {
  run compare-programs
  printf '%s\n' "$@" | "$AWK" '{
    for (i = 0; i < 5; i++) {
      printf "{\"round\": %d, \"row\": \"%s\", \"allocator\": \"%s\", ", i, $5, $1
      printf "\"elapsed_ns\": %d, \"peak_kib\": %d}\n", ($2 + i * i * $3) * 1e6, $4
    }
  }'
}

small 'sydra 8 1 110 pairs' 'glibc 24 0 100 pairs' 'jemalloc 16 0 200 pairs' \
  'sydra 20 0 120 churn' 'glibc 10 0 100 churn' 'jemalloc 40 0 200 churn' > "$work/A"
programs 'sydra 300 0 1000 lua' 'glibc 600 0 2000 lua' 'jemalloc 400 0 500 lua' > "$work/B"

# new_tree DIRECTORY: documents with marks and nothing between them.
new_tree () {
  mkdir -p "$1/doc"
  printf 'above\n<!-- begin: measured -->\n<!-- end: measured -->\nbelow\n' > "$1/README.md"
  for part in small-blocks programs; do
    printf 'above\n<!-- begin: %s -->\n<!-- end: %s -->\nbelow\n' $part $part
  done > "$1/doc/MEASUREMENTS.md"
}

# has FILE LINE: the document has that line, blanks aside.
has () {
  tr -s ' ' < "$work/tree/$1" | grep -q -x -F -e "$2"
  tap $? "$1 has: $2"
}

new_tree "$work/tree"
# shellcheck disable=SC2086  # an option or none
said=$("$figures" --top "$work/tree" $picture "$work/A" "$work/B" 2>&1)
status=$?
[ "$status" -eq 0 ] || printf '%s\n' "$said" | sed 's/^/# /'
tap "$status" "documents are made of raw results"

# The medians are 12, 24, 16 and 20, 10, 40: so the ratios to the best are 0.75 and 2, to glibc 0.5
# and 2, to jemalloc 0.75 and 0.5.
has README.md '| glibc | 1.00 | 1.15 | 0.50 | 0.50 |'
has README.md '| jemalloc | 0.61 | 0.57 | 0.75 | 2.00 |'
has README.md '| the best of them in each row | 1.22 | 1.15 | 0.75 | 2.00 |'
has README.md '| rows above the best | 1 of 2 | 2 of 2 | 0 of 1 | 1 of 1 |'
pairs='| pairs | - | 1 | **12.0** | 24.0 | 16.0 | 0.75 | jemalloc | 0.50 to 1.50 |'
has doc/MEASUREMENTS.md "$pairs"
has doc/MEASUREMENTS.md '| churn | - | 1 | 20.0 | **10.0** | 40.0 | 2.00 | glibc | 2.00 to 2.00 |'
has doc/MEASUREMENTS.md '| lua | **300** | 600 | 400 | 0.75 | jemalloc | 0.75 to 0.75 |'
has doc/MEASUREMENTS.md '| lua | 1,000 | 2,000 | **500** | 2.00 | jemalloc | 2.00 to 2.00 |'
has doc/MEASUREMENTS.md '| churn | - | 1 | 0.5 | 0.5 | 0.5 |'
told='2001-02-03, commit 1234567. Medians of 5 interleaved rounds, after one that warms up. Others'
told="$told took 1 %. Machine: a machine; cc 1."
tr '\n' ' ' < "$work/tree/doc/MEASUREMENTS.md" | grep -q -F "$told"
tap $? "date, commit, warm-up, disturbance and machine are told"
[ "$(sed -n '1p;$p' "$work/tree/README.md")" = "$(printf 'above\nbelow')" ]
tap $? "what is outside of the marks stays"

# again NAME OPTION...: a second tree gets the same bytes.
again () {
  name=$1
  shift
  # shellcheck disable=SC2086  # an option or none
  "$figures" --top "$work/$name" $picture "$@" > "$work/said" 2>&1 &&
    diff -r "$work/tree" "$work/$name" >> "$work/said"
  status=$?
  [ "$status" -eq 0 ] || head -n 20 "$work/said" | sed 's/^/# /'
  return "$status"
}

new_tree "$work/other"
again other "$work/B" "$work/A"
tap $? "the same results give the same bytes, in whatever order"
rm -rf "$work/other" && cp -r "$work/tree" "$work/other"
again other
tap $? "the summaries alone give them too"

# ---- What --check finds ----

checked () {
  "$figures" --top "$work/other" --check > "$work/said" 2>&1
}

if [ -z "$picture" ]; then
  checked && [ "$(grep -c '^same: ' "$work/said")" -eq 3 ]
  tap $? "--check: all three files are the same"
else
  tap_skip "no gnuplot to draw the picture"
fi

# edited FILE EXPRESSION: --check finds what sed has changed.
edited () {
  rm -rf "$work/other" && cp -r "$work/tree" "$work/other"
  sed "$2" "$work/tree/$1" > "$work/other/$1"
  ! cmp -s "$work/tree/$1" "$work/other/$1" && ! checked && grep -q "^differs: $1" "$work/said"
  tap $? "--check finds $1 edited by $2"
}

if [ -z "$picture" ]; then
  edited README.md 's/0\.61/0.60/'
  edited README.md 's/2001-02-03/2001-02-04/'
  edited doc/MEASUREMENTS.md 's/12\.0/11.0/'
  edited doc/compare.svg 's/^0 0\.5000/0 0.4000/'
  edited doc/compare.svg 's/translate(8/translate(7/'
  sed '1s/above/on top/' "$work/tree/README.md" > "$work/other/README.md"
  cp "$work/tree/doc/compare.svg" "$work/other/doc/compare.svg"
  checked
  tap $? "--check does not mind what is outside of the marks"

  # Without gnuplot, and with another one, the drawing cannot be compared; its data can.
  no_gnuplot () {
    (PATH=$work checked) &&
      grep -q '^skipped: doc/compare.svg: .*drawing is not compared' "$work/said"
  }
  no_gnuplot
  tap $? "--check without gnuplot says that the drawing is not compared"
  sed 's/^# gnuplot .*/# gnuplot 4.0 patchlevel 0/' "$work/tree/doc/compare.svg" \
    > "$work/other/doc/compare.svg"
  checked && grep -q '^skipped: doc/compare.svg: .*it is of gnuplot 4.0' "$work/said"
  tap $? "--check says so of a picture by another gnuplot"
  sed 's/^0 0\.5000/0 0.4000/' "$work/tree/doc/compare.svg" > "$work/other/doc/compare.svg"
  ! no_gnuplot && grep -q '^differs: doc/compare.svg' "$work/said"
  tap $? "--check without gnuplot finds other data in the picture"

  for member in '"date": "2001' '"median": \[300'; do
    rm -rf "$work/other" && cp -r "$work/tree" "$work/other"
    sed "s/$member/&1/" "$work/tree/doc/measurements/programs.json" \
      > "$work/other/doc/measurements/programs.json"
    ! checked && grep -q '^differs: doc/MEASUREMENTS.md' "$work/said" &&
      grep -q '^differs: README.md' "$work/said"
    tap $? "--check finds a summary edited at $member"
  done
fi

# ---- What is refused: status 1, one line, and no file is changed ----

# refused WORDS OPTION...: the message has the words.
refused () {
  words=$1
  shift
  # shellcheck disable=SC2086  # an option or none
  "$figures" --top "$work/other" $picture "$@" > "$work/out" 2> "$work/said"
  status=$?
  [ "$status" -eq 1 ] && [ ! -s "$work/out" ] && [ "$(wc -l < "$work/said")" -eq 1 ] &&
    grep -q -F "figures: " "$work/said" && grep -q -F "$words" "$work/said" &&
    diff -r "$work/before" "$work/other" > /dev/null
  status=$?
  [ "$status" -eq 0 ] || sed 's/^/# /' "$work/said"
  tap "$status" "refused: $words"
}

# bad EXPRESSION WORDS: A after sed is refused.
bad () {
  sed "$1" "$work/A" > "$work/bad"
  refused "$2" "$work/bad" "$work/B"
}

rm -rf "$work/other" && cp -r "$work/tree" "$work/other" && cp -r "$work/tree" "$work/before"
refused "No such file" "$work/no-such-file" "$work/B"
bad d "no measurements"
bad 1d "line 1: does not say what was measured"
bad '1s/{/[/' "line 1: does not say what was measured"
bad '1s/"compare"/"contrast"/' "line 2: of no comparison that is known"
bad '3s/ns_per_op/ns_per_pop/' "line 3: is no measurement"
bad '3s/.$//' "line 3: is no measurement"
bad '3s/ns_per_op": [0-9]*/ns_per_op": 0/' "line 3: time is 0"
bad '3s/ns_per_op": [0-9]*/ns_per_op": NaN/' "line 3: time is nan"
bad 3p "line 4: this was measured already"
bad 3d "pairs - 1: the memory of sydra was not measured in each round"
bad '/jemalloc.*churn/d' "churn - 1: the memory of jemalloc was not measured in each round"
bad '1s/"jemalloc"/"other"/' "was not measured in each round"
bad '1!{/pairs/!s/ns_per_op/ns/;/pairs/s/pairs/mixed/}' "line 2: is no measurement"
bad '/"round": 4/d' "4 rounds; 5 are the least"
refused "a second file of the same comparison" "$work/A" "$work/A"
for mark in begin end; do
  for tree in other before; do
    sed "/$mark: measured/d" "$work/tree/README.md" > "$work/$tree/README.md"
  done
  refused 'README.md: not one part between' "$work/A" "$work/B"
done
for tree in other before; do
  cp "$work/tree/README.md" "$work/$tree/README.md"
  sed s/allocators/nobody/ "$work/tree/doc/measurements/programs.json" \
    > "$work/$tree/doc/measurements/programs.json"
done
refused "doc/measurements: not as figures writes it" "$work/A"
for tree in other before; do
  echo '{' > "$work/$tree/doc/measurements/programs.json"
done
refused "programs.json: no summary of compare-programs" "$work/A"
rm -f "$work/other/doc/measurements/programs.json" "$work/before/doc/measurements/programs.json"
refused "programs.json: No such file" "$work/A"
PATH=$work "$figures" --top "$work/other" "$work/A" "$work/B" > "$work/said" 2>&1
[ $? -eq 1 ] && grep -q 'gnuplot is not installed: apt-get install gnuplot-nox' "$work/said" &&
  diff -r "$work/before" "$work/other" > /dev/null
tap $? "without gnuplot nothing is written, and what is missing is named"

commit='1234567+'
small 'sydra 8 1 110 pairs' 'glibc 24 0 100 pairs' 'jemalloc 16 0 200 pairs' > "$work/A"
# shellcheck disable=SC2086  # an option or none
"$figures" --top "$work/other" $picture "$work/A" "$work/B" > /dev/null 2>&1
tr '\n' ' ' < "$work/other/doc/MEASUREMENTS.md" | grep -q "commit 1234567 with changes"
tap $? "a commit with changes is told as such"

# ---- The tree's own documents ----

if [ -d "$top_srcdir/doc/measurements" ]; then
  "$figures" --check > "$work/said" 2>&1
  status=$?
  [ "$status" -eq 0 ] || sed 's/^/# /' "$work/said"
  tap "$status" "the documents have what is made of the results in doc/measurements"
  if skipped=$(grep '^skipped: ' "$work/said"); then
    tap_skip "${skipped#skipped: }"
  fi
else
  tap_skip "doc/measurements has no results"
fi
tap_end
exit "$tap_failed"
