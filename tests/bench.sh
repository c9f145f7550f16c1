#!/bin/sh
# SPDX-License-Identifier: MIT
# sydra-bench, for short runs: every scenario with both apis, its JSON, and what it refuses.
. "${top_srcdir:=.}/tests/tap.sh"

bench=./sydra-bench
small='--ops 2000 --repeat 2 --live 500 --burst 200 --threads 1,3'

# refused OPTIONS...: exit status 2, nothing on stdout, one line on stderr.
refused () {
  said=$("$bench" "$@" 2>&1 > /dev/null)
  status=$?
  out=$("$bench" "$@" 2> /dev/null)
  [ "$status" -eq 2 ] && [ -z "$out" ] && [ "$(printf '%s\n' "$said" | wc -l)" -eq 1 ] &&
    [ "${said#sydra-bench: }" != "$said" ]
  tap $? "sydra-bench $*: status 2 and one line"
}

scenarios=$("$bench" list | "$AWK" '{ print $1 }')
[ "$(printf '%s\n' "$scenarios" | wc -l)" -ge 13 ]
tap $? "list names the scenarios"

for api in handle malloc; do
  # shellcheck disable=SC2086  # words
  text=$("$bench" --api "$api" $small $scenarios 2>&1)
  status=$?
  found=$(printf '%s\n' "$text" | "$AWK" '$3 ~ /^[13]$/ && $5 == $5 + 0 { print $1 }' | uniq -c |
    "$AWK" '$1 == 2 { print $2 }')
  [ "$status" -eq 0 ] && [ "$found" = "$scenarios" ]
  status=$?
  [ "$status" -eq 0 ] || printf '%s\n' "$text" | sed 's/^/# /'
  tap "$status" "--api $api: every scenario reports a line for 1 and for 3 threads"
done

default=$("$bench" --ops 1 --repeat 1 --live 100 --burst 100 | "$AWK" '$3 == 1 { print $1 }')
[ "$default" = "$(printf '%s\n' "$scenarios" | grep -vx stress)" ]
tap $? "without a name all scenarios but stress are run"

"$bench" --stress --sizes 1-40 --live 1 --ops 1 --repeat 1 > /dev/null
tap $? "--stress on a single slot ends well"

samples=$("$bench" --json --seconds 0.1 --repeat 1 --live 100 churn |
  sed -n 's/.*"rss_samples_kib": \[\([0-9, ]*\)\].*/\1/p' | wc -w)
[ "$samples" -ge 5 ] && [ "$samples" -le 256 ]
tap $? "churn for a tenth of a second takes samples and ends: $samples"

# checksum OPTIONS...: what a round of the walk read.
checksum () {
  "$bench" --json --ops 1 --repeat 2 --live 2000 --threads 3 "$@" walk |
    sed -n 's/.*"checksum": \([0-9.]*\).*/\1/p'
}

read_by_handle=$(checksum --api handle)
[ -n "$read_by_handle" ] && [ "$read_by_handle" = "$(checksum --api malloc)" ]
tap $? "walk reads the same with both apis"

[ "$read_by_handle" != "$(checksum --seed 2)" ] &&
  [ "$read_by_handle" != "$(checksum --sizes 16-255)" ]
tap $? "walk reads something else with another seed, and with other sizes"

"$bench" --sizes 1-24 --live 1 --ops 1 --repeat 1 walk > /dev/null &&
  "$bench" --sizes 1-40 --live 5 --ops 1 --repeat 1 --threads 2 walk > /dev/null
tap $? "walk on few nodes, and on blocks without room for links, ends well"

if command -v python3 > /dev/null 2>&1; then
  for api in handle malloc; do
    # shellcheck disable=SC2086  # words
    "$bench" --json --api "$api" $small $scenarios | python3 -c '
import json, sys
api, names = sys.argv[1], sys.argv[2].split()
report = json.load(sys.stdin)
results = {(r["scenario"], r["threads"]): r for r in report["results"]}
assert report["api"] == api, report["api"]
assert ("mode" in report) == (api == "handle")
assert sorted(results) == sorted((n, t) for n in names for t in (1, 3)), sorted(results)
for r in results.values():
    assert r["operations"] >= 2 * 2000, r
    assert 0 < r["ns_per_op_min"] <= r["ns_per_op"] <= r["ns_per_op_max"], r
for threads in 1, 3:
    latency = results["mixed", threads]["latency_ns"]
    for name in "malloc", "free", "malloc-or-free", "malloc+free", "read", "write":
        l = latency[name]
        assert l["count"] > 0, name
        assert l["p50"] <= l["p95"] <= l["p99"] <= l["p99_9"] <= l["max"], (name, l)
    both = latency["malloc"]["count"] + latency["free"]["count"]
    assert latency["malloc-or-free"]["count"] == both
    assert results["churn", threads]["live_kib"] > 0
    assert results["drift", threads]["heap_end_over_live"] > 0
    for name in "list_ns", "tree_ns", "table_ns":
        assert results["walk", threads][name] > 0, name
    assert results["short-threads", threads]["threads_per_second"] > 0
    assert results["stress", threads]["verified_blocks"] > 1000
    assert results["stress", threads]["largest_backlog"] > 0
' "$api" "$scenarios"
    tap $? "--json --api $api is one object with what sydra-bench(1) says"
  done
else
  tap_skip "no python3 to read the JSON"
fi

refused --api jemalloc
refused --threads 0
refused --threads 1,
refused --threads 1025
refused --sizes 256-16
refused --sizes 0-1
refused --sizes 16-
refused --ops 0
refused --ops 1x
refused --seconds 0
refused --seconds nan
refused --repeat 1001
refused --live -1
refused --burst
refused --nonsense
refused --json=1
refused no-such-scenario
refused list pairs

if [ -c /dev/full ]; then
  "$bench" --ops 1 --repeat 1 pairs > /dev/full 2> /dev/null
  [ $? -eq 1 ]
  tap $? "a report that cannot be written: status 1"
fi
tap_end
exit "$tap_failed"
