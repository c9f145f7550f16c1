#!/bin/bash
# SPDX-License-Identifier: MIT
# postgresql.sh BIN: makes a new cluster on a socket, and runs pgbench with one client and a fixed
# seed, and queries that sort, hash and aggregate in parallel.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

PATH=$1:$PATH
export PGHOST=$here PGPORT=5432 PGUSER=tester PGDATABASE=postgres PGDATA=$here/data \
  PGOPTIONS='-c client_min_messages=warning'
quietly run initdb -A trust -U tester -E UTF8 --locale=C --no-sync
# The postmaster, its helpers, and the process of each session report.
exec="exec" run_all 8 postgres -k "$here" -c listen_addresses= -c fsync=off \
  -c max_parallel_workers_per_gather=2 -c min_parallel_table_scan_size=0 \
  -c parallel_setup_cost=0 -c autovacuum=off -c shared_buffers=32MB > log 2>&1 &
server=$!
trap 'kill -INT $server 2> /dev/null || true; wait' EXIT
wait_for pg_isready
quietly run pgbench -i -q -s 2
run pgbench -n -c 1 -t 2000 --random-seed=7 | grep -E '^(transaction type|number of|scaling)'
run psql -q -At -v ON_ERROR_STOP=1 << 'SQL'
SELECT count (*), sum (abalance), sum (abalance::bigint * aid) FROM pgbench_accounts;
SELECT count (*), sum (tbalance), sum (tbalance::bigint * tid) FROM pgbench_tellers;
SELECT count (*), sum (bbalance) FROM pgbench_branches;
SELECT count (*), sum (delta), sum (delta::bigint * aid) FROM pgbench_history;
CREATE TABLE word AS SELECT n, md5 (n::text) AS word, (n * 7919) % 1009 AS key FROM generate_series (1, 200000) AS n;
SELECT key, count (*), max (word), md5 (string_agg (word, ',' ORDER BY word)) FROM word GROUP BY key ORDER BY key LIMIT 30;
SELECT md5 (string_agg (a.word, '' ORDER BY a.n)) FROM word AS a JOIN word AS b ON a.key = b.n WHERE b.word LIKE 'a%';
CREATE INDEX ON word (word);
SELECT count (*) FROM word WHERE word ~ '^[ab].*(00|ff)' ;
SELECT md5 (jsonb_object_agg (n, jsonb_build_object ('word', word, 'key', key))::text) FROM word WHERE n < 20000;
VACUUM ANALYZE word;
SQL
# Waits until the sessions have ended.
kill -TERM $server
status=0
wait $server || status=$?
trap - EXIT
echo "exit status $status"
# pg_isready may have asked before the server was ready.
grep -E 'PANIC|FATAL|terminated by signal' log | grep -v 'the database system is starting up' ||
  true
[[ $status -eq 0 ]]
