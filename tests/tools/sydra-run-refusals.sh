#!/bin/sh
# SPDX-License-Identifier: MIT
# sydra-run refuses the programs that the system would run without the module, and no others.
. "${top_srcdir:=.}/tests/tools/sydra-run-common.sh"

# ---- What cannot be preloaded ----

head -c 100 "$work/true" > "$work/cut"
chmod 755 "$work/cut"
refused 126 "Exec format error" "the first bytes of a program are not the shell's" "$work/cut"
cp "$work/true" "$work/machine"
printf '\102\102' | dd of="$work/machine" bs=1 seek=18 conv=notrunc 2> /dev/null
refused 126 "cannot be preloaded: it is for another machine" "another machine's program" \
  "$work/machine"
if builds "$work/musl" -Wl,--dynamic-linker=/lib/ld-musl-test.so.1; then
  refused 126 "cannot be preloaded: it is linked with musl" "a program with musl's loader" \
    "$work/musl"
else
  tap_skip "the linker takes no --dynamic-linker: a program with musl's loader"
fi
if builds "$work/static" -static && "$work/static" > /dev/null; then
  refused 126 "cannot be preloaded: it is statically linked" "a static program" "$work/static"
  ends 126 "static: cannot be preloaded: it is statically linked" "... found in PATH" \
    env PATH="$work:$PATH" "$run" --module "$module" static
  script "$work/s1" "#! $work/static -x"
  script "$work/s2" "#!$work/s1"
  script "$work/s3" "#!/usr/bin/env static"
  script "$work/s4" "#!/usr/bin/env -S static -x"
  refused 126 "its interpreter $work/static is statically linked" "... as an interpreter" "$work/s1"
  refused 126 "its interpreter $work/static is statically linked" \
    "... as an interpreter's interpreter" "$work/s2"
  for s in s3 s4; do
    ends 126 "its interpreter $work/static is statically linked" "... by env ($s)" \
      env PATH="$work:$PATH" "$run" --module "$module" "$work/$s"
  done
  script "$work/s5" "#!/usr/bin/env -S A=static sh" 'echo $A'
  says static "words of env that are no program are not judged" "$work/s5"
else
  tap_skip "no static program can be linked here"
fi
if builds "$work/static-pie" -static-pie -fPIE && "$work/static-pie" > /dev/null; then
  refused 126 "cannot be preloaded: it is statically linked" \
    "a static position-independent program" "$work/static-pie"
else
  tap_skip "no static position-independent program can be linked here"
fi
loader=$(ldd "$work/true" 2> /dev/null | "$AWK" '$1 ~ /^\/.*\/ld/ { print $1 }')
if [ -x "$loader" ]; then
  says "$module|" "the loader, which has no loader, is not taken for static" \
    "$loader" "$(command -v sh)" -c "$show"
else
  tap_skip "the loader was not found"
fi
chmod 111 "$work/true"
says "" "a program that may not be read is not judged" "$work/true"

# ---- Programs with other rights ----

other_rights="cannot be preloaded: it runs under another user or group"
if [ "$(id -u)" -eq 0 ] && cp "$(command -v id)" "$work/id" && chown 65534:65534 "$work/id"; then
  says 0 "another user's program is not judged by its owner" "$work/id" -u
  if chmod 4755 "$work/id" && [ "$("$work/id" -u)" = 65534 ]; then
    refused 126 "$other_rights" "a set-user-ID program" "$work/id"
    script "$work/set" "#!$work/id"
    refused 126 "its interpreter $work/id runs under another user" "... as an interpreter" \
      "$work/set"
  else
    tap_skip "set-user-ID has no effect here"
  fi
  if chmod 2755 "$work/id" && [ "$("$work/id" -g)" = 65534 ]; then
    refused 126 "$other_rights" "a set-group-ID program" "$work/id"
    chmod 2745 "$work/id"
    says 0 "without execution by the group the bit is none" "$work/id" -g
  else
    tap_skip "set-group-ID has no effect here"
  fi
  chown 0:0 "$work/id" && chmod 6755 "$work/id"
  says 0 "root's programs give root no other rights" "$work/id" -u
else
  tap_skip "not root: set-user-ID and set-group-ID programs of one's own"
fi

# nobody COMMAND...: runs the command as another user.  That user may lack access to the build
# directory.
nobody () {
  setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
if [ "$(id -u)" -ne 0 ] || ! nobody test -x "$run" -a -r "$module" 2> /dev/null; then
  tap_skip "not root, or no other user may read here: set-user-ID root, file capabilities"
else
  ends 126 "$other_rights" "root's set-user-ID program, for another user" \
    nobody "$run" --module "$module" "$work/id"
  out=$(nobody setpriv --no-new-privs "$run" --module "$module" "$work/id" -u 2>&1)
  [ "$out" = 65534 ]
  tap $? "... but not where the process takes no new rights"
  cp "$(command -v id)" "$work/capable"
  if command -v setcap > /dev/null && setcap cap_net_raw+ep "$work/capable" 2> /dev/null; then
    ends 126 "it has file capabilities" "file capabilities, for another user" \
      nobody "$run" --module "$module" "$work/capable"
    says 0 "... which root has in any case" "$work/capable" -u
    setcap cap_net_raw+i "$work/capable"
    out=$(nobody "$run" --module "$module" "$work/capable" -u 2>&1)
    [ "$out" = 65534 ]
    tap $? "... and which are none where only inheritable"
  else
    tap_skip "no setcap here: file capabilities"
  fi
fi
if [ "$(id -u)" -ne 0 ]; then
  found=
  for name in su mount passwd; do
    file=$(command -v $name) && [ -u "$file" ] && found=$file && break
  done
  if [ -n "$found" ] && ! grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status &&
    ! grep -q '^[^ ]* / [^ ]* [^ ]*nosuid' /proc/mounts; then
    refused 126 "$other_rights" "the system's set-user-ID ${found##*/}" "$found" --version
  else
    tap_skip "the system has no set-user-ID program with effect here"
  fi
fi
tap_end
