# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# unsteady.sh RUNS FAILURES STATUS: for scripts/check-programs --self-test.  On the C library it
# fails FAILURES times; the file RUNS counts its runs.  If SYDRA_RUN is set, it leaves a report and
# ends with STATUS.
if [[ -z ${SYDRA_RUN:-} ]]; then
  echo >> "$1"
  [[ $(wc -l < "$1") -gt $2 ]] || { echo fails; exit 7; }
  echo works
else
  echo works
  echo '{"mode": "small_pool", "allocations": 1}' > "$SYDRA_REPORTS/unsteady"
  exit "$3"
fi
