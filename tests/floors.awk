# SPDX-License-Identifier: MIT
# floors.awk: reads HACKING.md (its floor table), then the files of lib/, and prints what breaks the floors.
# A row of the table is "| FLOOR | `file` `file.{h,c}` ... | what |".  A file includes files of lower floors and its own header only;
# the own header of heap_libc.c is heap_libc.h or heap.h.

function place(name) {
  if (name in floor) print name " is in the floor table twice"
  floor[name] = current
  placed++
}

function row(line,    cells, rest, name, stem) {
  split(line, cells, "|")
  current = cells[2] + 0
  rest = cells[3]
  while (match(rest, /`[^`]+`/)) {
    name = substr(rest, RSTART + 1, RLENGTH - 2)
    rest = substr(rest, RSTART + RLENGTH)
    sub(/^lib\//, "", name)
    if (name ~ /\.\{h,c\}$/) {
      stem = substr(name, 1, length(name) - 6)
      place(stem ".h")
      place(stem ".c")
    } else if (name ~ /\.[ch]$/)
      place(name)
  }
}

function own_header(file, header,    stem) {
  stem = substr(header, 1, length(header) - 2)
  return substr(file, 1, length(file) - 2) == stem || (file ~ /\.c$/ && index(file, stem "_") == 1)
}

FNR == 1 {
  document = (FILENAME ~ /\.md$/)
  file = FILENAME
  sub(/.*\//, "", file)
  if (!document) {
    seen[file] = 1
    if (!(file in floor)) print "lib/" file " is on no floor"
  }
}

document && /^\| *[0-9]+ *\|.*`/ { row($0) }

!document && /^[ \t]*#[ \t]*include[ \t]*["<]/ {
  header = $0
  sub(/^[^"<]*["<]/, "", header)
  sub(/[">].*/, "", header)
  if (header ~ /\.c$/)
    print "lib/" file " includes a source file, " header
  else if (header in floor && file in floor && floor[header] >= floor[file] && !own_header(file, header))
    print "lib/" file " (floor " floor[file] ") includes " header " (floor " floor[header] ")"
  else if ($0 ~ /"/ && header !~ /^(config|sydra\/alloc)\.h$/ && !(header in floor))
    print "lib/" file " includes " header ", which is on no floor"
}

END {
  if (!placed) print "HACKING.md has no floor table"
  for (name in floor) if (!(name in seen)) print name " is in the floor table but not in lib/"
}
