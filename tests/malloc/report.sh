#!/bin/sh
# SPDX-License-Identifier: MIT
# SYDRA_ALLOC_CONF: the statistics at exit, where they are written, and the number of shards.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

if [ ! -e "$module" ]; then
  echo "1..0 # SKIP no module was built"
  exit 0
fi

# with CONF COMMAND...: runs the command under the module.  Its standard error goes to $work/err.
with () {
  conf=$1
  shift
  env SYDRA_ALLOC_CONF="$conf" LD_PRELOAD="$module" "$@" > "$work/out" 2> "$work/err"
}

# is_json FILE [PROGRAM [PID]]: the file has one line with one object, which names the process.
is_json () {
  [ "$(wc -l < "$1")" -eq 1 ] &&
    grep -q '^{"name": "default", "pid": '"${3:-[0-9]*}"', "program": "'"${2:-.*}"'", ' "$1" &&
    grep -q '", "mode": "'"$allocator_mode"'", .*}$' "$1"
}

with "" ls "$sources"
tap_empty "nothing is written where nothing is asked for" "$(cat "$work/err")"
with stats:text ls "$sources"
grep -q "^sydra-alloc handle default of ls, process [0-9]*: mode $allocator_mode" "$work/err"
tap $? "stats:text writes to standard error, also if the program closes that before it exits (ls)"
allocations=$(sed -n 's/^  allocations  *\([0-9]*\)$/\1/p' "$work/err")
[ "${allocations:-0}" -gt 10 ]
tap $? "... with what the program allocated (${allocations:-0})"

with "json:$work/one.json,stats:text" ls "$sources"
is_json "$work/one.json" && grep -q '^sydra-alloc handle' "$work/err"
tap $? "json:FILE writes JSON, beside text"
# The shell becomes ls, so both have the same process number.
# shellcheck disable=SC2016  # for the shell
with "json:$work/one.json,stats:text" sh -c 'echo $$; exec ls'
read -r pid < "$work/out"
is_json "$work/one.json" ls "$pid" &&
  grep -q "^sydra-alloc handle default of ls, process $pid: mode" "$work/err"
tap $? "both name the program and its process"
mkdir "$work/a,b"
with "json:$work/a\\,b/two.json" ls "$sources"
is_json "$work/a,b/two.json"
tap $? "a file's name may hold a comma behind a backslash"
build leave leave.c || { tap_end; exit 0; }
(cd "$work" && with json:three.json ./leave)
is_json "$work/three.json"
tap $? "a relative name is so to the directory at the start"
odd=$(printf 'a "\377\303\244"')
cp "$work/leave" "$work/$odd"
with "json:$work/odd.json" "$work/$odd"
grep -q -F "\"program\": \"a \\\"\\ufffd$(printf '\303\244')\\\"\"" "$work/odd.json"
tap $? "a program's name that is no UTF-8 is a JSON string nevertheless"
with "json:$work/none/x.json" ls "$sources"
said="sydra-malloc: $work/none/x.json: cannot be opened: No such file or directory"
[ "$(cat "$work/err")" = "$said" ] && [ -s "$work/out" ]
tap $? "a file that cannot be opened is one line on standard error"

# ---- The file before the report, and the file's name ----

# empties FACT CONF COMMAND...: with this CONF, the command empties an existing file.
empties () {
  fact=$1 conf=$2
  shift 2
  echo old > "$work/old"
  with "$conf" "$@" || :
  [ -e "$work/old" ] && [ ! -s "$work/old" ]
  tap $? "$fact"
}

# shellcheck disable=SC2016  # for the shell
empties "a program that is killed leaves no former report" "json:$work/old" sh -c 'kill -KILL $$'
empties "... nor does one that runs another in its place" \
  "json:$work/old" sh -c 'unset LD_PRELOAD; exec true'
rm "$work/old"
# shellcheck disable=SC2016
with "json:$work/old" sh -c 'kill -KILL $$' || :
[ ! -e "$work/old" ]
tap $? "... and where there was no file, there is none"
echo old > "$work/old"
with "json:$work/old,process:1" ls "$sources"
[ "$(cat "$work/old")" = old ]
tap $? "a process that will not report leaves the file alone"
# The child of fork writes its report before its parent does.  What it wrote by then is complete.
build leave leave.c
with "json:$work/old" "$work/leave"
is_json "$work/old" leave
tap $? "a child of fork and its parent write over each other's report"

mkdir "$work/100%p"
(cd "$work/100%p" && with "json:a%p%%p%q.json" "$work/leave")
count=0
for file in "$work/100%p"/*; do
  pid=${file##*/a}
  pid=${pid%\%p%q.json}
  count=$((count + 1))
  is_json "$file" leave "$pid" || count=bad
  [ "$count" != bad ] || break
done
[ "$count" = 2 ]
tap $? "%p in a name is the process, also a forked child, and %% a percent sign ($count)"
# shellcheck disable=SC2016
with "json:$work/%p.json" \
  sh -c 'echo old > "$1/$$.json"; echo $$; exec sh -c "kill -KILL $$"' sh "$work" || :
read -r pid < "$work/out"
[ -e "$work/$pid.json" ] && [ ! -s "$work/$pid.json" ]
tap $? "... in the file that is emptied too"
long=$work/$("$AWK" 'BEGIN { for (at = 0; at < 2000; at++) printf "%%p" }')
with "json:$long" ls "$sources"
[ "$(cat "$work/err")" = "sydra-malloc: $long: cannot be opened: File name too long" ] &&
  [ -s "$work/out" ]
tap $? "a name that gets too long is one line on standard error"
with "json:$work" ls "$sources"
[ "$(cat "$work/err")" = "sydra-malloc: $work: cannot be opened: Is a directory" ] &&
  [ -s "$work/out" ]
tap $? "... and so is a directory"
if [ "$(id -u)" -ne 0 ]; then
  echo old > "$work/read_only"
  chmod 444 "$work/read_only"
  with "json:$work/read_only" ls "$sources"
  grep -q '/read_only: cannot be opened: Permission denied$' "$work/err" &&
    [ "$(cat "$work/read_only")" = old ]
  tap $? "... and a file that may not be written"
else
  tap_skip "a file that may not be written: root may write all"
fi
with json:/dev/null ls "$sources"
[ -c /dev/null ] && [ ! -s "$work/err" ]
tap $? "a device is written to as it is"

mkfifo "$work/fifo"
{
  with "json:$work/fifo" ls "$sources"
  head -n 1 <&9 > "$work/fifo.json"
} 9<> "$work/fifo"
is_json "$work/fifo.json" ls
tap $? "a FIFO that somebody reads gets the report"
with "json:$work/fifo" timeout 20 ls "$sources" && grep -q '/fifo: cannot be opened: ' "$work/err"
tap $? "a FIFO that nobody reads is not waited for"

rm -f "$work/status"
{
  sleep 1
  SYDRA_ALLOC_CONF=stats:text LD_PRELOAD=$module ls "$sources" > "$work/out" 2>&3
  echo $? > "$work/status"
} 3>&1 > "$work/none" | true
[ "$(cat "$work/status")" = 0 ]
tap $? "a report into a pipe that is closed does not change the exit status"

rm -f "$work/pid.json"
with "json:$work/pid.json,process:1" ls "$sources"
[ ! -e "$work/pid.json" ]
tap $? "process:PID: another process does not report"
# The shell becomes the program, so the program has its process number.  The program's child has
# another.
LEAVE=$work/leave LD_PRELOAD=$module sh \
  -c 'SYDRA_ALLOC_CONF="stats:text,process:$$" exec "$LEAVE"' > /dev/null 2> "$work/err"
[ "$(grep -c '^sydra-alloc handle' "$work/err")" -eq 1 ]
tap $? "process:PID: only that process reports, not its forked children"

with stats:text "$work/leave"
[ "$(grep -c '^sydra-alloc handle' "$work/err")" -eq 2 ]
tap $? "... and without it both do"

build leave_small leave_small.c || { tap_end; exit 0; }
status=0
with "stats:text,json:$work/small.json" "$work/leave_small" || status=$?
is_json "$work/small.json" && grep -q '^sydra-alloc handle' "$work/err"
tap $? "a program that ends in a thread with the smallest stack reports"
[ "$status" -eq 3 ]
tap $? "... and exits with its own status ($status)"

with colour:blue,stats:no ls "$sources"
[ "$(grep -c '^sydra-malloc: SYDRA_ALLOC_CONF: ' "$work/err")" -eq 2 ] && [ -s "$work/out" ]
tap $? "what is not understood is told, a line each, and the program runs"
with shards:3,stats:text ls "$sources"
if [ "$allocator_mode" = small_pool ]; then
  grep -q 'mode small_pool, 3 shards' "$work/err"
  tap $? "shards:N chooses the number of shards"
  with shards:0,stats:text ls "$sources"
  grep -q 'mode small_pool, 0 shards' "$work/err"
  tap $? "shards:0 is a lock and a list a size class"
else
  grep -q '^sydra-malloc: SYDRA_ALLOC_CONF: shards:3: ' "$work/err"
  tap $? "shards are told to be of small_pool only"
fi
tap_end
