# SPDX-License-Identifier: MIT
# members.awk: the members of a C header's structs, or those that man pages explain under ".Ss struct NAME" (-v man=1), one a line as
# "STRUCT MEMBER"; then the header's constants, or those that the pages name, as "SYDRA_CONSTANT".

# The name that a declaration gives: its callback's, or its last word.
function declared(text) {
  if (match(text, /\(\*[a-z_]+\)/)) return substr(text, RSTART + 2, RLENGTH - 3)
  sub(/[ \t]*\[.*/, "", text)
  sub(/.*[ \t*]/, "", text)
  return text
}

function header_line(line,    pieces, n, i) {
  if (match(line, /^ *# *define SYDRA_[A-Z_]+ /) && line !~ /_ATTR_|_H /) print word(line, "SYDRA_[A-Z_]+")
  if (line ~ /^struct [a-z_]+ \{/) { inside = word(line, "sydra_[a-z_]+"); return }
  if (line ~ /^enum /) { constants = 1; return }
  if (line ~ /^\}/) { inside = ""; constants = 0 }
  if (constants && line ~ /SYDRA_/) print word(line, "SYDRA_[A-Z_]+")
  if (inside == "" || line !~ /;/) return
  sub(/;.*/, "", line)
  n = line ~ /\(/ ? 1 : split(line, pieces, ",")
  if (n == 1) pieces[1] = line
  for (i = 1; i <= n; i++) print inside, declared(pieces[i])
}

function word(line, pattern) {
  match(line, pattern)
  return substr(line, RSTART, RLENGTH)
}

!man {
  sub(/\/\*.*/, "")
  header_line($0)
}
man && ($1 == ".Sh" || $1 == ".Ss") { inside = ($2 == "struct") ? $3 : "" }
man && inside != "" && $1 == ".It" && $2 == "Va" { print inside, $3 }
man && /Dv SYDRA_/ { print word($0, "SYDRA_[A-Z_]+") }
