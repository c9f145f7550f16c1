#!/bin/bash
# SPDX-License-Identifier: MIT
# sqlite.sh: inserts a million rows, adds an index, changes rows, and checks the whole file.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

run sqlite3 -bail base.db << 'SQL'
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE row (id INTEGER PRIMARY KEY, key INTEGER, word TEXT, real_number REAL);
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000000)
  INSERT INTO row SELECT n, (n * 7919) % 1000003, printf ('word-%d-%x', n % 977, n), n / 7.0 FROM number;
CREATE INDEX by_key ON row (key);
UPDATE row SET word = word || '-' || upper (hex (key)) WHERE id % 10 = 3;
DELETE FROM row WHERE id % 11 = 5;
SELECT count (*), sum (id), sum (key), sum (length (word)), round (sum (real_number), 3) FROM row;
SELECT word, key FROM row WHERE key BETWEEN 5000 AND 5040 ORDER BY key;
SELECT substr (word, 1, 7) AS start, count (*), max (key) FROM row GROUP BY start ORDER BY start LIMIT 40;
SELECT count (*) FROM row AS a JOIN row AS b ON a.key = b.id WHERE a.id % 100 = 1;
SELECT length (group_concat (word, ',')) FROM row WHERE id < 200000;
PRAGMA integrity_check;
SQL
run sqlite3 base.db .dump | sha256sum
run sqlite3 -json base.db 'SELECT * FROM row LIMIT 50000' | sha256sum
