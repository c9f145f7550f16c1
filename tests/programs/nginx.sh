#!/bin/bash
# SPDX-License-Identifier: MIT
# nginx.sh: two workers serve files on a socket to many clients at once, also compressed and by
# ranges.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

mkdir files
for ((number = 1; number <= 60; number++)); do
  seq "$number" $((number * 997)) > "files/$number.txt"
done
cat > nginx.conf << CONF
daemon off;
master_process on;
worker_processes 2;
pid $here/nginx.pid;
error_log $here/error.log;
events { worker_connections 256; }
http {
  access_log $here/access.log;
  client_body_temp_path $here/body; proxy_temp_path $here/proxy;
  fastcgi_temp_path $here/fastcgi; uwsgi_temp_path $here/uwsgi; scgi_temp_path $here/scgi;
  gzip on; gzip_types *; sendfile off; keepalive_requests 50;
  server { listen unix:$here/nginx.sock; root $here/files; autoindex on; autoindex_localtime off;
    location /again/ { proxy_pass http://unix:$here/nginx.sock:/; } }
}
CONF
[[ $(id -u) -ne 0 ]] || sed -i '1i user root;' nginx.conf
# Three processes report: the master and both workers.
exec="exec" run_all 3 nginx -p "$here" -c "$here/nginx.conf" &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
wait_for curl -s --unix-socket nginx.sock http://localhost/1.txt
# fetch FIRST DIRECTORY OPTION...: one client fetches every file.
fetch () {
  local first=$1 directory=$2 number
  shift 2
  mkdir -p "$directory"
  for ((number = first; number < first + 60; number++)); do
    echo "url = http://localhost/$((number % 60 + 1)).txt"
    echo "output = $directory/$((number % 60 + 1))"
    echo "url = http://localhost/again/$((number % 60 + 1)).txt"
    echo "output = $directory/again$((number % 60 + 1))"
  done | curl -s -S --fail --unix-socket nginx.sock "$@" -K -
}
clients=()
for ((client = 0; client < 12; client++)); do
  case $((client % 3)) in
    0) fetch $((client * 5)) "got$client" & ;;
    1) fetch $((client * 5)) "got$client" --compressed & ;;
    2) fetch $((client * 5)) "got$client" -r 2-5 & ;;
  esac
  clients+=($!)
done
for client in "${clients[@]}"; do
  wait "$client"
done
find got* -type f | sort | xargs sha256sum
curl -s -o /dev/null -w '%{http_code}\n' --unix-socket nginx.sock http://localhost/none.txt
kill -QUIT $server
status=0
wait $server || status=$?
echo "exit status $status; $(wc -l < access.log) requests"
grep -E 'alert|emerg|crit' error.log || true
[[ $status -eq 0 ]]
