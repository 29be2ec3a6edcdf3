-- Values: intervals, formats, unicode, patterns, conditional expressions, decimals.

SELECT TIMESTAMP '2026-01-31T00:00:00' + INTERVAL '1 month' AS a, TIMESTAMP '2024-02-29T12:00:00' + INTERVAL '1 year' AS b, TIMESTAMP '2026-03-01T00:00:00' - INTERVAL '1 day 2 hours' AS c;

SELECT TIMESTAMP '2026-01-02T00:00:00' - TIMESTAMP '2026-01-01T23:59:59.5' AS d;

SELECT DATE '2026-03-01' - DATE '2026-02-01' AS d;

SELECT DATE '2026-01-31' + INTERVAL '1 month' AS a, DATE '2026-01-01' - INTERVAL '1 day' AS b;

SELECT INTERVAL '1 hour' + INTERVAL '30 minutes' AS a, INTERVAL '2 days' - INTERVAL '1 hour' AS b, -INTERVAL '1 day' AS c;

SELECT date_trunc('week', TIMESTAMP '2026-01-01T10:00:00') AS w, date_trunc('quarter', TIMESTAMP '2026-05-01T10:00:00') AS q, date_trunc('second', TIMESTAMP '2026-01-01T10:00:00.9') AS s, date_trunc('month', DATE '2026-05-17') AS m;

SELECT date_trunc('millisecond', time) AS a, date_trunc('minute', time) AS b FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT extract(year FROM TIMESTAMP '2026-05-17T10:20:30') AS y, extract(month FROM DATE '2026-05-17') AS m, extract(day FROM TIMESTAMP '2026-05-17') AS d, extract(hour FROM TIMESTAMP '2026-05-17T10:20:30') AS h, extract(minute FROM TIMESTAMP '2026-05-17T10:20:30') AS mi, extract(second FROM TIMESTAMP '2026-05-17T10:20:30.5') AS s;

SELECT date_part('dow', DATE '2026-05-17') AS dow, date_part('doy', DATE '2026-05-17') AS doy, date_part('week', DATE '2026-05-17') AS w, date_part('quarter', DATE '2026-05-17') AS q, date_part('epoch', TIMESTAMP '2026-05-17T00:00:00') AS e;

SELECT date_part('isodow', DATE '2026-05-17') AS a;

SELECT extract(epoch FROM time) > 0 AS a FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT extract(day FROM INTERVAL '3 days 4 hours') AS d, extract(hour FROM INTERVAL '3 days 4 hours') AS h;

SELECT to_char(TIMESTAMP '2026-05-07T08:09:10.123456789', '%Y/%m/%d %H.%M.%S') AS a, to_char(TIMESTAMP '2026-05-07T08:09:10', '%e %b %Y, %A %j') AS b, to_char(TIMESTAMP '2026-05-07T18:09:10', '%I:%M %p %y') AS c;

SELECT to_char(TIMESTAMP '2026-05-07T08:09:10.123456789', '%3f|%6f|%9f|%f|%.3f|%s') AS a, to_char(DATE '2026-05-07', '%F %D %u %w %U %%') AS b;

SELECT to_timestamp('07.05.2026 08:09', '%d.%m.%Y %H:%M') AS a, to_timestamp('2026-05-07T08:09:10+02:00') AS b, to_timestamp('2026-05-07') AS c;

SELECT to_date('07/05/2026', '%d/%m/%Y') AS a;

SELECT CAST('2026-05-07' AS DATE) AS a, '2026-05-07T08:09:10Z'::timestamp AS b, CAST('08:09:10' AS TIME) AS c;

SELECT time > '2000-01-01' AS a, time BETWEEN '2000-01-01T00:00:00Z' AND now() + INTERVAL '100 years' AS b FROM log_entries WHERE level = 1 ORDER BY time, msg;

-- @differs rows: ß has a capital letter of its own
SELECT upper('straße') AS a, lower('ÀÉÎ') AS b, length('👍🏽') AS c, reverse('añb') AS d, left('日本語', 2) AS e, right('日本語', 1) AS f, substr('日本語', 2, 1) AS g;

SELECT strpos('日本語', '語') AS a, position('b' IN 'abc') AS b, lpad('日', 3, '*') AS c, initcap('élan vital') AS d, char_length('é') AS e, octet_length('é') AS f;

SELECT 'it''s' AS a, E'a\tb' AS b, 'a' || 'ü' AS c, '' AS d, '🦆' AS e;

SELECT msg FROM log_entries WHERE msg LIKE '%e%' AND msg NOT LIKE '%\_%' ORDER BY time, msg LIMIT 3;

SELECT 'abc' LIKE 'A%' AS a, 'abc' ILIKE 'A%' AS b, 'a_c' LIKE 'a\_c' AS c, 'abc' LIKE '_b_' AS d, 'abc' NOT ILIKE 'x%' AS e, NULL LIKE 'a' AS f;

SELECT 'foobar' ~ 'o+b' AS a, 'foobar' !~ '^bar' AS b, 'FOO' ~* 'foo' AS c, 'abc' SIMILAR TO 'a.c' AS d;

SELECT regexp_replace('a1b22', '[0-9]+', '#', 'g') AS a, regexp_replace('Hello World', '(\w+) (\w+)', '\2 \1') AS b, regexp_replace('aaa', 'a', 'b') AS c, regexp_replace('ABC', 'b', 'x', 'i') AS d;

SELECT regexp_match('key=value', '(\w+)=(\w+)') AS m, (regexp_match('key=value', '(\w+)=(\w+)'))[2] AS v;

-- @differs rows: \w, \d and \b of regular expressions know the letters of ASCII
SELECT regexp_count('a1b22', '[0-9]') AS a, regexp_like('é', '^\w$') AS b, regexp_like('a.b', 'a\.b') AS c;

SELECT regexp_match(msg, '(\w+)$') AS m FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT CASE WHEN level = 1 THEN 'fatal' WHEN level = 2 THEN 'error' END AS a, CASE level WHEN 1 THEN 10 ELSE 0 END AS b, CASE WHEN level = 1 THEN 1 ELSE 0.5 END AS c, CASE WHEN level = 1 THEN level END AS d FROM log_entries WHERE level <= 2 ORDER BY level, time, msg;

SELECT coalesce(NULL, 1, 2) AS a, coalesce(NULL, 'x') AS b, nullif(1, 1) AS c, nullif('a', 'b') AS d, coalesce(1, 2.5) AS e, coalesce(parent_process_id, 'none') AS f FROM processes ORDER BY process_id;

SELECT greatest(1, 2.5) AS a, least('b', 'a') AS b, greatest(1, NULL) AS c;

-- @differs types: what decimals are computed to has as many digits as the engine needs
SELECT CAST(12.345 AS DECIMAL(10, 2)) AS a, CAST('12.345' AS DECIMAL(10, 3)) + 1 AS b, CAST(1 AS DECIMAL(5, 2)) AS c;

-- @differs types: what decimals are computed to has as many digits as the engine needs
SELECT CAST(1.5 AS DECIMAL(10, 2)) = 1.5 AS a, CAST(2 AS DECIMAL(4, 1)) > 1 AS b, sum(CAST(x AS DECIMAL(10, 2))) AS c FROM (VALUES (1.25), (2.5)) t(x);

-- @differs types: a quotient of decimals is a Float64
SELECT CAST(12.5 AS DECIMAL(10, 2)) / 2 AS a;

SELECT round(2.5) AS a, round(-2.5) AS b, round(2.345, 2) AS c, trunc(2.9) AS d, ceil(-0.5) AS e, floor(7) AS f, round(15, -1) AS g;

SELECT 5 / 2 AS a, 5 % 3 AS b, 5.0 / 2 AS c, -5 / 2 AS d, 1e10 AS e, 2 * 3.5 AS f;

SELECT 1 = 1.0 AS a, '1' = '1' AS b, true = NOT false AS c, 1 <> 2 AS d, NULL = NULL AS e, NULL IS NULL AS f, 1 IS DISTINCT FROM NULL AS g;

-- @ours ~ turns bits around
SELECT 3 & 1 AS a, 3 | 4 AS b, 3 ^ 1 AS c, 1 << 3 AS d, 16 >> 2 AS e, ~1 AS f;

SELECT arrow_typeof(CAST(1 AS DECIMAL(10, 2))) AS a, arrow_typeof(CAST('x' AS BYTEA)) AS b, arrow_typeof(INTERVAL '1 day') AS c, arrow_typeof(CAST('08:00:00' AS TIME)) AS d;

SELECT arrow_cast('2026-01-01', 'Date32') AS a, arrow_cast(1.9, 'Int32') AS b, arrow_cast(1, 'Decimal128(10, 2)') AS c, arrow_cast(1, 'Boolean') AS d, arrow_cast('2026-01-01T00:00:00', 'Timestamp(Nanosecond, Some("+00:00"))') AS e;

SELECT arrow_cast(level, 'Int64') AS a, arrow_cast(value, 'Float32') AS b FROM (SELECT 1 AS level, 0.5 AS value);

SELECT arrow_cast([1, 2], 'List(Int32)') AS a;

SELECT make_array(1, 2)[1] AS a, [1, 2, 3][-1] AS b, [1, 2, 3][9] AS c, array_length([[1], [2]]) AS d;

SELECT array_to_string(['a', NULL], ',') AS a, array_to_string([], ',') AS b, string_to_array('a b', ' ') AS c;

SELECT array_has(tags, 'log') AS a, tags[1] AS b, array_length(tags) AS c, array_to_string(tags, '|') AS d FROM streams ORDER BY stream_id;

SELECT split_part('a.b.c', '.', 2) AS a, split_part('a.b.c', '.', 9) AS b, substr('abcdef', -2) AS c, substring('abcdef' FROM 2) AS d, concat_ws('/', 'a', 'b') AS e, repeat('ab', 2) AS f, replace('aXbX', 'X', '-') AS g;

SELECT sum(level) AS a, avg(level) AS b, min(msg) AS c, max(time) AS d, stddev(level) AS e, var_pop(level) AS f, median(level) AS g, bool_or(level = 1) AS h, bit_and(level) AS i FROM log_entries;

SELECT corr(x, y) AS a, covar_samp(x, y) AS b, covar_pop(x, y) AS c FROM (VALUES (1.0, 2.0), (2.0, 4.5), (3.0, 5.0)) t(x, y);

SELECT count(*) FILTER (WHERE level = 1) AS a, sum(level) FILTER (WHERE level > 100) AS b, count(DISTINCT target) AS c FROM log_entries;

SELECT "Level" FROM (SELECT level AS "Level" FROM log_entries WHERE level = 1 ORDER BY time) LIMIT 1;

SELECT Level, MSG FROM Log_Entries WHERE LEVEL = 1 ORDER BY Time, msg LIMIT 1;

SELECT "select" FROM (SELECT 1 AS "select");

SELECT l."level" AS "A b", l.LEVEL AS "x.y" FROM log_entries AS l WHERE l.level = 1 ORDER BY l.time LIMIT 1;

SELECT 1 AS "a""b", 2 AS "é";

-- @ours quoted names ignore case
SELECT "Level" FROM log_entries;

DESCRIBE processes;

SHOW COLUMNS FROM log_entries;

SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'measures' ORDER BY ordinal_position;

SELECT count(*) > 0 AS some FROM information_schema.tables WHERE table_schema = 'public';
