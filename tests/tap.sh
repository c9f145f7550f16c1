# shellcheck shell=sh disable=SC2034  # sourced; tap_failed is for who sources it
# SPDX-License-Identifier: MIT
# tap.sh: functions for the shell tests, which source it.  Each fact is one line of TAP; the plan
# comes last.
: "${top_srcdir:=.}" "${AWK:=awk}" "${NM:=nm}"
tap_count=0
tap_failed=0

# tap STATUS FACT: prints one result, which is ok if STATUS is 0.
tap () {
  tap_count=$((tap_count + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $tap_count - $2"
  else
    tap_failed=1
    echo "not ok $tap_count - $2"
  fi
}

# tap_empty FACT TEXT: ok if the text is empty; otherwise shows it.
tap_empty () {
  if [ -z "$2" ]; then
    tap 0 "$1"
  else
    tap 1 "$1"
    printf '%s\n' "$2" | sed 's/^/# /'
  fi
}

# tap_same FACT EXPECTED FOUND: ok if the lists have the same lines.  Otherwise shows what is
# missing (-) and what is too much (+).
tap_same () {
  tap_empty "$1" "$({
    printf '%s\n' "$2" | sed 's/^/1 /'
    printf '%s\n' "$3" | sed 's/^/2 /'
  } | "$AWK" '
    { side = $1; sub (/^[12] /, "") }
    side == 1 && !($0 in expected) { expected[$0] = 1; order[++n] = $0 }
    side == 2 && !($0 in found) { found[$0] = 1; order[++n] = $0 }
    END {
      for (i = 1; i <= n; i++) {
        line = order[i]
        if (!(line in found)) print "- " line
        else if (!(line in expected)) print "+ " line
      }
    }
  ')"
}

tap_skip () {
  tap_count=$((tap_count + 1))
  echo "ok $tap_count # SKIP $1"
}

tap_end () {
  echo "1..$tap_count"
}
