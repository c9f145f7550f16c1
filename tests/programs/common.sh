# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# common.sh: what the programs' scripts share; sourced.  scripts/check-programs runs each in an empty directory, first on the C library and
# then with SYDRA_RUN, SYDRA_MODULE and SYDRA_REPORTS set; what it writes to standard output must be the same both times.
set -eu -o pipefail
export LC_ALL=C TZ=UTC HOME=$PWD TMPDIR=$PWD
here=$PWD

# exec="exec" run ... &: $! is then the program's number.
exec=

# run PROGRAM...: on the C library, or under sydra-run; the process then leaves a report, which must be of allocations.
run () {
  if [[ -z ${SYDRA_RUN:-} ]]; then
    $exec "$@"
  else
    $exec "$SYDRA_RUN" --module "$SYDRA_MODULE" --json "$(mktemp "$SYDRA_REPORTS/${1##*/}.XXXXXX")" "$@"
  fi
}

# run_all LEAST PROGRAM...: the same for a program that starts others: at least so many processes must report.  All write to one FIFO.
run_all () {
  local least=$1
  shift
  if [[ -z ${SYDRA_RUN:-} ]]; then
    $exec "$@"
  else
    echo "$least" >> "$SYDRA_REPORTS/least"
    SYDRA_ALLOC_CONF=json:$SYDRA_REPORTS/fifo $exec "$SYDRA_RUN" --module "$SYDRA_MODULE" "$@"
  fi
}

# quietly COMMAND...: what it writes is shown where it fails, on standard error.
quietly () {
  "$@" > "$here/quietly.log" 2>&1 || { cat "$here/quietly.log" >&2; return 1; }
}

# wait_for COMMAND...: until it succeeds, at most 20 seconds.
wait_for () {
  local turn
  for ((turn = 0; turn < 400; turn++)); do
    "$@" > /dev/null 2>&1 && return
    sleep 0.05
  done
  echo "still not: $*" >&2
  return 1
}
