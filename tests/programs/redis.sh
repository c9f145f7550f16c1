#!/bin/bash
# SPDX-License-Identifier: MIT
# redis.sh: runs redis-benchmark on a server with a socket of its own.  Then it loads a fixed data
# set and prints its digest before and after a reload.  Another thread frees what is deleted.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

socket=$here/redis.sock
# redis-tools contains the server under another name.
ln -s "$(command -v redis-check-rdb)" redis-server
client () {
  redis-cli -s "$socket" "$@"
}
exec="exec" run ./redis-server --port 0 --unixsocket "$socket" --dir "$here" \
  --save '' --enable-debug-command local --activedefrag no --lazyfree-lazy-user-del yes \
  --lazyfree-lazy-user-flush yes --lazyfree-lazy-server-del yes > log 2>&1 &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
wait_for client ping
redis-benchmark -s "$socket" -q -n 15000 -c 20 -r 5000 -d 200 -P 8 \
  -t set,get,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset \
  | tr '\r' '\n' | sed -n 's/^\([A-Z][^:]*\): [0-9.]* requests per second.*/\1/p' | sort -u
client flushall
# Keys of all kinds.  Each is changed several times, and a third of them is deleted.
awk 'BEGIN {
  for (n = 1; n <= 30000; n++) {
    k = (n * 7919) % 4001
    v = sprintf("%0" (n % 300 + 1) "d", n)
    print "SET string:" k, v
    print "APPEND string:" k, v
    print "HSET hash:" k % 301, "field" n % 997, v
    print "RPUSH list:" k % 101, v
    print "ZADD set:" k % 53, n % 5000, "member" n % 3001
    print "SADD bag:" k % 71, n
    if (n % 3 == 0) print "DEL string:" (k + 17) % 4001
    if (n % 5 == 0) print "LPOP list:" (n + 3) % 101
    if (n % 700 == 0) print "SETRANGE big", n * 10, v
  }
}' | client > answers
sha256sum < answers
client dbsize
client debug digest
client save
client debug reload
client debug digest
client shutdown nosave || true
status=0
wait $server || status=$?
echo "exit status $status"
grep -c -i -E 'warning.*(bug|crash)|assertion' log || true
[[ $status -eq 0 ]]
