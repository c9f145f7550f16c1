# SPDX-License-Identifier: MIT
# prototypes.awk: the functions that a C header declares, or that man pages show (-v man=1), one a line as "TYPE NAME(ARGUMENT, ...)".

function squeeze(text) {
  gsub(/[ \t\n]+/, " ", text)
  gsub(/ ?\* ?/, " *", text)
  gsub(/\* \*/, "**", text)
  gsub(/ ?\( ?/, "(", text)
  gsub(/ ?\) ?/, ")", text)
  gsub(/ ?, ?/, ", ", text)
  gsub(/^ | $/, "", text)
  return text
}

# "TYPE NAME(ARGUMENTS)" from its pieces, spaces as squeeze leaves them.
function show(type, name, arguments) {
  print squeeze(type " " name) "(" squeeze(arguments) ")"
}

# The words of an mdoc line's arguments, quotes respected, into words[1..].
function split_words(line, words,    n, word) {
  n = 0
  while (match(line, /^[ \t]*("[^"]*"|[^ \t"]+)/)) {
    word = substr(line, RSTART, RLENGTH)
    line = substr(line, RSTART + RLENGTH)
    gsub(/^[ \t]+|"/, "", word)
    words[++n] = word
  }
  return n
}

function man_line(line,    words, n, i) {
  n = split_words(line, words)
  if (words[1] == ".Sh") synopsis = (words[2] == "SYNOPSIS")
  if (!synopsis) return
  if (words[1] == ".Ft") { type = ""; for (i = 2; i <= n; i++) type = type " " words[i] }
  if (words[1] == ".Fo") { name = words[2]; arguments = ""; opened = 1 }
  if (words[1] == ".Fa" && opened) for (i = 2; i <= n; i++) arguments = arguments (arguments == "" ? "" : ", ") words[i]
  if (words[1] == ".Fc") { show(type, name, arguments); opened = 0 }
  if (words[1] == ".Fn") {
    arguments = ""
    for (i = 3; i <= n; i++) arguments = arguments (arguments == "" ? "" : ", ") words[i]
    show(type, words[2], arguments)
  }
}

# A header's text without comments, directives, attributes and bodies in braces; then one declaration after the other.
function header(text,    n, i, pieces, depth, c, flat, at) {
  while ((at = index(text, "/*")) > 0)
    text = substr(text, 1, at - 1) " " substr(text, at + 2 + index(substr(text, at + 2), "*/") + 1)
  sub(/extern "C" \{/, "", text)
  gsub(/SYDRA_ATTR_ ?\(\([^;]*\)\)/, "", text)
  n = length(text)
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (c == "{") depth++
    if (depth <= 0) flat = flat c
    if (c == "}") { depth--; if (depth < 0) depth = 0 }
  }
  n = split(flat, pieces, ";")
  for (i = 1; i <= n; i++)
    if (match(pieces[i], /sydra_[a-z_0-9]+ *\(/)) {
      at = RSTART + RLENGTH
      show(substr(pieces[i], 1, RSTART - 1), substr(pieces[i], RSTART, RLENGTH - 1), substr(pieces[i], at, last_paren(pieces[i]) - at))
    }
}

function last_paren(text,    i) {
  for (i = length(text); i > 0 && substr(text, i, 1) != ")"; i--) ;
  return i
}

man { man_line($0); next }
/^[ \t]*#/ { continued = /\\$/; next }
continued { continued = /\\$/; next }
{ text = text $0 "\n" }
END { if (!man) header(text) }
