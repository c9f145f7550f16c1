-- SPDX-License-Identifier: MIT
-- rows.sql: rows inserted, changed, indexed and asked for in memory; @rows@ stands for their number.
PRAGMA temp_store = MEMORY;
CREATE TABLE row (id INTEGER PRIMARY KEY, key INTEGER, word TEXT, real_number REAL);
BEGIN;
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < @rows@)
  INSERT INTO row SELECT n, (n * 7919) % 1000003, printf ('word-%d-%x', n % 977, n), n / 7.0 FROM number;
COMMIT;
CREATE INDEX by_key ON row (key);
UPDATE row SET word = word || '-' || upper (hex (key)) WHERE id % 10 = 3;
DELETE FROM row WHERE id % 11 = 5;
SELECT count (*), sum (id), sum (key), sum (length (word)), round (sum (real_number), 3) FROM row;
SELECT word, key FROM row WHERE key BETWEEN 5000 AND 5040 ORDER BY key;
SELECT substr (word, 1, 8) AS start, count (*), max (key) FROM row GROUP BY start ORDER BY start LIMIT 40;
SELECT count (*) FROM row AS a JOIN row AS b ON a.key = b.id WHERE a.id % 10 = 1;
SELECT length (group_concat (word, ',')) FROM row WHERE id % 2 = 0;
SELECT count (*), max (length (j)) FROM (SELECT json_object ('key', key, 'word', word, 'real', real_number) AS j FROM row WHERE id % 4 = 0);
PRAGMA integrity_check;
