#!/bin/sh
# SPDX-License-Identifier: MIT
# sydra-run: what a program keeps, what it is given, wrong usage, and where programs and scripts are
# found.
. "${top_srcdir:=.}/tests/tools/sydra-run-common.sh"

# ---- What the program keeps ----

wrong=
status=0
while [ $status -le 255 ]; do
  "$run" --module "$module" sh -c "exit $status"
  [ $? -eq $status ] || wrong="$wrong $status"
  status=$((status + 1))
done
tap_empty "every exit status is the program's" "$wrong"

"$run" --module "$module" sh -c 'kill -TERM $$' 2> /dev/null
[ $? -eq 143 ]
tap $? "a program that is killed by SIGTERM ends so"
if python3 -c '' 2> /dev/null; then
  python3 -c '
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:] + ["sleep", "60"])
path = "/proc/%d/cmdline" % child.pid
while not open(path, "rb").read().startswith(b"sleep"):
    time.sleep(0.01)
child.terminate()
assert child.wait() == -15, child.returncode
' "$run" --module "$module"
  tap $? "a signal that is sent to sydra-run is the program's, and its end is seen as such"
else
  tap_skip "no python3: a signal that is sent"
fi

printf 'a\nb\n' > "$work/in"
out=$({ "$run" --module "$module" --stats sh \
  -c 'read -r first; echo "$first"; cat; echo err >&2' 2> /dev/null; cat; } < "$work/in")
[ "$out" = "$(cat "$work/in")" ]
tap $? "standard input and output are the program's"
says "3: -x --stats a b " "the program's arguments and options are its own" sh \
  -c 'printf "%s: " $#; printf "%s " "$@"; echo' x "-x" "--stats" "a b"
says "-c" "-- ends sydra-run's options" -- echo -c
says "$work/true -v" "options after the program's name are not looked at" echo "$work/true" -v
here=$(cd "$work" && PATH=$work:$PATH "$run" --module "$module" sh -c 'pwd; echo $0')
[ "$here" = "$work
sh" ]
tap $? "the directory and the name that it is called by are the program's"

# ---- What it is given ----

says "$module|" "LD_PRELOAD is the module" sh -c "$show"
export LD_PRELOAD=
says "$module|" "... where it was empty" sh -c "$show"
export LD_PRELOAD="$build/.libs/libsydra-alloc.so"
says "$module:$LD_PRELOAD|" "... and comes before what was there" sh -c "$show"
unset LD_PRELOAD
out=$("$run" --module ".libs/${module##*/}" sh -c "cd / && $show")
[ "$out" = "$module|" ]
tap $? "a relative --module is made absolute"
mapped=$("$run" --module "$module" cat /proc/self/maps 2> /dev/null | grep -c "${module##*/}")
if [ -r /proc/self/maps ]; then
  [ "$mapped" -gt 0 ]
  tap $? "the module is loaded into the program"
else
  tap_skip "no /proc/self/maps: whether the module is loaded"
fi

conf=$("$run" --module "$module" --shards auto sh \
  -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = shards:auto ]
tap $? "--shards is in SYDRA_ALLOC_CONF ($conf)"
conf=$("$run" --module "$module" --shards=1024 sh \
  -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = shards:1024 ]
tap $? "... a number too ($conf)"
conf=$("$run" --module "$module" --stats sh \
  -c '[ "$SYDRA_ALLOC_CONF" = "stats:text,process:$$" ] && echo right' 2> /dev/null)
[ "$conf" = right ]
tap $? "--stats is, for that process only"
conf=$(cd "$work" && "$run" --module "$module" --json 'a,b\c' sh \
  -c 'printf "%s\n" "${SYDRA_ALLOC_CONF%,process:$$}"' 2> /dev/null)
[ "$conf" = "json:$work"'/a\,b\\c' ]
tap $? "--json is, absolute, with commas and backslashes escaped"
mkdir "$work/100%p"
conf=$(cd "$work/100%p" && "$run" --module "$module" --stats --json 'a%p%%' \
  sh -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = "stats:text,json:$work/100%%p/a%p%%,process:any" ]
tap $? "... for all processes where each has a file by %p; the directory's percent signs are such"
conf=$(SYDRA_ALLOC_CONF=shards:3 "$run" --module "$module" --shards 2 sh \
  -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = shards:3,shards:2 ]
tap $? "what was there stays, and comes first ($conf)"
conf=$(SYDRA_ALLOC_CONF="json:/dev/null\\" "$run" --module "$module" --shards 2 sh \
  -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = 'json:/dev/null\\,shards:2' ]
tap $? "a backslash at its end takes nothing in"

# ---- The reports, with the module ----

if [ -e "$drop_in" ]; then
  # Some shells end by _exit, which writes no report.
  "$run" --module "$drop_in" --stats \
    "$AWK" 'BEGIN { print "out"; exit 5 }' > "$work/out" 2> "$work/err"
  [ $? -eq 5 ] && [ "$(cat "$work/out")" = out ] &&
    [ "$(grep -c '^ *allocations ' "$work/err")" -eq 1 ]
  tap $? "--stats: statistics on standard error only, and the program's status"
  allocations=$("$AWK" '$1 == "allocations" { print $2 }' "$work/err")
  [ "${allocations:-0}" -gt 0 ]
  tap $? "... with allocations ($allocations)"
  (cd "$work" && "$run" --module "$drop_in" --json 'a, \b.json' \
    "$AWK" 'BEGIN { exit 7 }') > "$work/out" 2>&1
  [ $? -eq 7 ] && [ ! -s "$work/out" ] && [ -s "$work/a, \\b.json" ]
  tap $? "--json: into the file, and nothing else is said"
  if python3 -c '' 2> /dev/null; then
    allocations=$(python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
assert report["allocations"] > 0 and report["frees"] <= report["allocations"], report
print(report["allocations"])
' "$work/a, \\b.json")
  else
    allocations=$(sed -n 's/^{.*"allocations": \([1-9][0-9]*\),.*}$/\1/p' "$work/a, \\b.json")
  fi
  [ "${allocations:-0}" -gt 0 ]
  tap $? "... which is JSON, with allocations ($allocations)"
  "$run" --module "$drop_in" "$AWK" 'BEGIN { exit 0 }' > "$work/out" 2>&1
  [ ! -s "$work/out" ]
  tap $? "without them nothing is reported"
  "$run" --module "$drop_in" --stats \
    "$AWK" 'BEGIN { system ("cat /dev/null; :") }' > "$work/out" 2>&1
  [ "$(grep -c '^ *allocations ' "$work/out")" -eq 1 ]
  tap $? "what the program starts does not report"
  echo old > "$work/old"
  "$run" --module "$drop_in" --json "$work/old" sh -c 'kill -KILL $$' 2> /dev/null
  [ -e "$work/old" ] && [ ! -s "$work/old" ]
  tap $? "--json: a program that is killed leaves no former report"
  mkdir "$work/each%p"
  # As if sydra-run was started in a process tree in which only process 1 reports.
  (cd "$work/each%p" &&
    env SYDRA_ALLOC_CONF=process:1 "$run" --module "$drop_in" --json '%p.json' \
      "$AWK" 'BEGIN { system ("cd /; cat /dev/null; :") }')
  count=0
  for file in "$work/each%p"/*; do
    pid=${file##*/}
    grep -q '"pid": '"${pid%.json}, \"program\": " "$file" || break
    count=$((count + 1))
  done
  [ "$count" -ge 2 ] && grep -q '"program": "cat"' "$work/each%p"/*
  tap $? "--json with %p: what the program starts reports too, each to its own file ($count)"
  (export SYDRA_ALLOC_CONF=stats:text &&
    "$run" --module "$drop_in" "$AWK" 'BEGIN { system ("cat /dev/null; :") }' > "$work/out" 2>&1)
  [ "$(grep -c '^ *allocations ' "$work/out")" -eq 2 ]
  tap $? "... but where SYDRA_ALLOC_CONF says so for all"
else
  tap_skip "no libsydra-malloc.so was built: the reports"
fi

# ---- Wrong usage ----

"$run" --help > "$work/out" 2> "$work/err"
status=$?
[ $status -eq 0 ] && [ ! -s "$work/err" ] && grep -q '^usage: sydra-run ' "$work/out"
tap $? "--help: the options, on standard output"
missing=
for option in --stats --json --shards --module --help --version; do
  grep -q -e "$option" "$work/out" || missing="$missing $option"
  grep -q -e "Fl Fl ${option#--}" "$top_srcdir/man/sydra-run.1" ||
    missing="$missing $option(manual)"
done
tap_empty "... and in the manual, all of them" "$missing"
version=$("$run" --version)
[ "$version" = "sydra-run $("$build/sydra-bench" --version | sed 's/.* //')" ] &&
  [ "$("$run" -V)" = "$version" ]
tap $? "--version is the library's: $version"
refused 125 "no program was named" "no program"
refused 125 "no program was named" "options alone" --stats --
refused 125 "--nosuch is no option" "an unknown option" --nosuch true
refused 125 "-x is no option" "an unknown letter" -xV true
refused 125 "--stats=1 is no option, or takes no value" "a value too many" --stats=1 true
refused 125 "--json needs a value" "a value that is missing" --json
refused 125 "takes the name of a file" "an empty --json" --json '' true
refused 125 "say ./-" "--json -" --json - true
refused 125 "No such file" "--json in no directory" --json "$work/none/file" true
refused 125 "Is a directory" "--json that is a directory" --json "$work" true
refused 125 "No such file" "--json in no directory, ending in a slash" --json "$work/none/" true
refused 125 "Not a directory" "--json below a file" --json "$work/true/file" true
refused 125 "No such file" "--json in no directory, by the number of the process" \
  --json "$work/%p/file" true
mkdir "$work/d%"
"$run" --module "$module" --json "$work/d%%/file" "$work/true" 2> "$work/err"
status=$?
[ $status -eq 0 ] && [ ! -s "$work/err" ]
tap $? "--json in a directory with a percent sign, which is doubled"
refused 125 "File name too long" "--json that gets too long" \
  --json "$work/$("$AWK" 'BEGIN { for (at = 0; at < 2000; at++) printf "%%p" }')" true
for shards in '' -1 1025 99999999999 2x auto1 ' 1' 0x1; do
  refused 125 "--shards takes auto or a whole number from 0 to 1024, not \"$shards\"" \
    "--shards" --shards "$shards" true
done
ends 125 "cannot be read: No such file" "a module that is not there" \
  "$run" --module "$work/none.so" true
ends 125 "is no shared library" "a module that is a text" "$run" --module "$work/program.c" true
cp "$module" "$work/a b.so"
ends 125 "a colon or a space" "a module whose name has a space" "$run" --module "$work/a b.so" true
refused 125 "?1: it cannot be written" "control characters are not passed on" \
  --json "$(printf '/none/\0331')" true

# ---- Where programs are found ----

# If a directory in PATH may not be searched, the error is another one.
ends 127 "nosuchprogram: No such file" "no such program in PATH" \
  env PATH=/usr/bin:/bin "$run" --module "$module" nosuchprogram
refused 127 "No such file" "no such file" "$work/none"
refused 127 "" "a program without a name" ''
refused 126 "Is a directory" "a directory" "$work"
refused 126 "Permission denied" "a file that is not executable" "$work/program.c"
mkdir "$work/one" "$work/two"
echo > "$work/one/tool"
ends 126 "Permission denied" "found in PATH, but not executable" \
  env PATH="$work/one" "$run" --module "$module" tool
script "$work/two/tool" '#!/bin/sh' 'echo two'
out=$(PATH=$work/one:$work/two "$run" --module "$module" tool 2>&1)
[ "$out" = two ]
tap $? "... and an executable one later in PATH is taken"
for path in "" ":/none" "/none:" "/none::/none"; do
  out=$(cd "$work/two" && PATH=$path "$run" --module "$module" tool 2>&1)
  [ "$out" = two ]
  tap $? "an empty element of PATH is the current directory (\"$path\")"
done
out=$(unset PATH; "$run" --module "$module" true 2>&1)
status=$?
[ $status -eq 0 ] && [ -z "$out" ]
tap $? "without PATH the system's is used"

# ---- Scripts ----

script "$work/plain" 'echo plain'
says plain "a script without #! is the shell's" "$work/plain"
script "$work/one/a" '#!/bin/sh' 'echo $1'
script "$work/one/b" "#!$work/one/a"
says "$work/one/b" "a script of a script" "$work/one/b"
script "$work/env" '#!/usr/bin/env sh' 'echo env'
says env "a script of env" "$work/env"
script "$work/lost" '#!/none/interpreter'
refused 126 "not the interpreter that it names" "a script whose interpreter is not there" \
  "$work/lost"
script "$work/self" "#!$work/self"
refused 126 "self: " "a script that is its own interpreter" "$work/self"
script "$work/bare" '#!'
says "" "a #! without a name is the shell's" "$work/bare"
tap_end
