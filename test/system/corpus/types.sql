-- Literals, casts, arithmetic and what does not fit.

SELECT 1 AS a, -1 AS b, 0 AS c, 9223372036854775807 AS d;

SELECT 1.0 AS a, 1e3 AS b, .5 AS c, 0.1 + 0.2 AS d, 100.0 AS e;

SELECT 0.1 + 0.2 = 0.3 AS eq, 1.1 * 1.1 AS p, 2.5 / 2 AS q, 7 / 2.0 AS r;

SELECT 7 / 2 AS a, -7 / 2 AS b, 7 % 3 AS c, -7 % 3 AS d, 7 - 10 AS e, 6 * 7 AS f;

SELECT level / 2 AS a, level % 4 AS b, level * 10 AS c, level - 10 AS d, level + 0.5 AS e FROM log_entries WHERE level BETWEEN 1 AND 3 ORDER BY level, time, msg;

SELECT level / 2.0 AS half, value / 3 AS third FROM log_entries l JOIN measures m ON l.process_id = m.process_id WHERE l.level = 1 AND m.name = 'int_metric' ORDER BY 1, 2;

-- @error division
SELECT 1/0;

-- @error division
SELECT level / (level - level) FROM log_entries;

-- @error division
SELECT 5 % 0;

SELECT 1.0 / 0 AS a, -1.0 / 0.0 AS b, 0.0 / 0.0 AS c;

SELECT value / 0 AS x FROM measures WHERE name = 'int_metric';

-- @refused overflow is an error, not another number
SELECT 9223372036854775807 + 1;

-- @refused overflow is an error, not another number
SELECT 9223372036854775807 * 2;

-- @refused overflow is an error, not another number
SELECT sum(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) t(x);

-- @error out of range
SELECT CAST(300 AS TINYINT);

-- @error convert
SELECT CAST('abc' AS INT);

-- @error convert
SELECT CAST('2026-13-45' AS TIMESTAMP);

SELECT CAST('42' AS INT) AS a, CAST('42' AS BIGINT) AS b, CAST('1.5' AS DOUBLE) AS c, CAST(1.9 AS INT) AS d, CAST(-1.9 AS BIGINT) AS e, CAST(1.5 AS VARCHAR) AS f;

SELECT CAST(2.5 AS INT) AS a, CAST(3.5 AS INT) AS b, CAST(0.5 AS INT) AS c, CAST(-2.5 AS INT) AS d;

SELECT CAST(value AS BIGINT) AS v FROM measures WHERE name IN ('loop_float', 'float_metric') ORDER BY v, time;

SELECT CAST(1 AS SMALLINT) AS a, CAST(1 AS TINYINT) AS b, CAST(1 AS REAL) AS c, CAST(1 AS FLOAT) AS d, CAST(1 AS DOUBLE PRECISION) AS e;

SELECT CAST(7 AS INT UNSIGNED) AS a, CAST(7 AS BIGINT UNSIGNED) AS b, CAST(7 AS SMALLINT UNSIGNED) AS c, CAST(7 AS TINYINT UNSIGNED) AS d;

SELECT CAST(true AS INT) AS a, CAST(0 AS BOOLEAN) AS b, CAST('true' AS BOOLEAN) AS c, CAST('f' AS BOOLEAN) AS d;

SELECT TRY_CAST('abc' AS INT) AS a, TRY_CAST('12' AS INT) AS b, TRY_CAST('x' AS TIMESTAMP) AS c;

SELECT level::varchar AS a, level::double AS b, level::bigint AS c, level::text AS d FROM log_entries WHERE level = 1 ORDER BY time;

SELECT '12'::int + 1 AS a, '3.5'::double * 2 AS b;

SELECT arrow_cast(1, 'Int32') AS a, arrow_cast(1, 'UInt8') AS b, arrow_cast(1.5, 'Float32') AS c, arrow_cast('x', 'LargeUtf8') AS d, arrow_cast('2026-01-01T00:00:00', 'Timestamp(Nanosecond, None)') AS e;

SELECT arrow_cast('x', 'Dictionary(Int32, Utf8)') AS a, arrow_cast(5, 'Utf8') AS b, arrow_cast('ab', 'Binary') AS c;

SELECT arrow_cast(level, 'Utf8') AS a, arrow_cast(target, 'Utf8') AS b, arrow_cast(time, 'Int64') AS c FROM log_entries WHERE level = 1 ORDER BY time;

-- @differs types: times are nanoseconds
SELECT arrow_cast(1000000000, 'Timestamp(Nanosecond, None)') AS a, arrow_cast(1, 'Timestamp(Second, None)') AS b;

-- @differs types: durations are nanoseconds
SELECT arrow_cast(90, 'Duration(Second)') AS a, arrow_cast(1, 'Duration(Nanosecond)') AS b;

SELECT arrow_typeof(1) AS a, arrow_typeof(1.5) AS b, arrow_typeof('x') AS c, arrow_typeof(true) AS d, arrow_typeof(NULL) AS e;

SELECT arrow_typeof(now()) AS a, arrow_typeof(date_bin('1 minute', now())) AS b, arrow_typeof(TIMESTAMP '2026-01-01') AS c, arrow_typeof(DATE '2026-01-01') AS d, arrow_typeof(interval '1 day') AS e;

SELECT arrow_typeof(count(*)) AS a, arrow_typeof(sum(level)) AS b, arrow_typeof(avg(level)) AS c, arrow_typeof(min(time)) AS d, arrow_typeof(max(target)) AS e FROM log_entries;

SELECT arrow_typeof(make_array(1, 2)) AS a, arrow_typeof(tags) AS b, arrow_typeof(array_length(tags)) AS c FROM streams LIMIT 1;

SELECT arrow_typeof(level + 1) AS a, arrow_typeof(level * 1.5) AS b, arrow_typeof(level / 2) AS c, arrow_typeof(level > 1) AS d, arrow_typeof(CAST(level AS SMALLINT)) AS e FROM log_entries LIMIT 1;

SELECT arrow_typeof(time - time) AS a, arrow_typeof(time - interval '1 day') AS b, arrow_typeof(date_trunc('hour', time)) AS c, arrow_typeof(date_part('hour', time)) AS d FROM log_entries LIMIT 1;

SELECT arrow_typeof(row_number() OVER (ORDER BY time)) AS a, arrow_typeof(lag(level) OVER (ORDER BY time)) AS b FROM log_entries LIMIT 1;

SELECT arrow_typeof(length(msg)) AS a, arrow_typeof(upper(target)) AS b, arrow_typeof(concat(target, msg)) AS c, arrow_typeof(strpos(msg, 'a')) AS d FROM log_entries LIMIT 1;

-- @ours the same sum twice
SELECT sum(level) AS a, sum(level::bigint) AS b, sum(value) AS c FROM log_entries l JOIN (SELECT value FROM measures WHERE name = 'int_metric') ON true;

SELECT sum(depth) AS a, max(depth) AS b, min(line) AS c, sum(hash) AS d, avg(depth) AS e FROM view_instance('thread_spans', '{stream}');

SELECT depth + 1 AS a, depth * 2 AS b, line - 1 AS c FROM view_instance('thread_spans', '{stream}') ORDER BY id LIMIT 3;

SELECT abs(-5) AS a, abs(-2.5) AS b, abs(level - 10) AS c FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT round(2.567, 2) AS a, round(2.5) AS b, round(-2.5) AS c, round(1234.5, -2) AS d, round(5) AS e;

SELECT floor(2.7) AS a, ceil(2.1) AS b, trunc(2.7) AS c, trunc(-2.7) AS d, floor(-2.5) AS e, trunc(2.567, 2) AS f;

SELECT floor(level) AS a, ceil(level) AS b FROM log_entries WHERE level = 1 LIMIT 1;

SELECT sqrt(16) AS a, power(2, 10) AS b, power(2.0, 0.5) AS c, exp(0) AS d, ln(1) AS e, log10(100) AS f, log2(8) AS g, log(100) AS h, log(2, 8) AS i, cbrt(27) AS j;

SELECT pow(2, 3) AS a, signum(-2.5) AS b, signum(3) AS c, pi() AS d, degrees(pi()) AS e, radians(180) AS f;

SELECT sin(0) AS a, cos(0) AS b, tan(0) AS c, asin(1) AS d, acos(1) AS e, atan(1) AS f, atan2(1, 1) AS g, sinh(0) AS h, cosh(0) AS i, tanh(0) AS j, cot(1) AS k;

SELECT gcd(12, 18) AS a, lcm(4, 6) AS b, factorial(5) AS c;

SELECT greatest(1, 3, 2) AS a, least(1, 3, 2) AS b, greatest(1.5, 2) AS c, greatest('a', 'b') AS d;

SELECT greatest(level, 3) AS a, least(level, 3) AS b FROM log_entries WHERE level IN (1, 5) ORDER BY time, msg LIMIT 4;

SELECT nullif(1, 1) AS a, nullif(1, 2) AS b, coalesce(NULL, 5) AS c, nvl(NULL, 7) AS d, ifnull(NULL, 8) AS e, nvl2(1, 2, 3) AS f;

SELECT nanvl(0.0 / 0.0, 1.0) AS a, nanvl(2.0, 1.0) AS b, isnan(0.0 / 0.0) AS c, iszero(0.0) AS d;

SELECT 5 & 3 AS a, 5 | 3 AS b, 5 ^ 3 AS c, 1 << 4 AS d, 256 >> 2 AS e;

SELECT 1 = 1.0 AS a, 1 = '1' AS b, 1 < 2 AS c, 'a' < 'b' AS d, 1 <> 2 AS e, 1 != 1 AS f, 2 == 2 AS g;

SELECT true AND NULL AS a, false AND NULL AS b, true OR NULL AS c, NOT NULL AS d, true AND false AS e;

SELECT NULL = NULL AS a, NULL IS NULL AS b, 1 IS DISTINCT FROM NULL AS c, NULL IS NOT DISTINCT FROM NULL AS d;

SELECT 5 BETWEEN 1 AND 10 AS a, 5 NOT BETWEEN 1 AND 3 AS b, 3 IN (1, 2, 3) AS c, 3 NOT IN (1, 2) AS d;

SELECT true IS TRUE AS a, NULL IS UNKNOWN AS b, false IS NOT TRUE AS c, true IS NOT FALSE AS d;

SELECT CAST(1.5 AS DECIMAL(10, 2)) AS d;

SELECT CAST(12345.678 AS DECIMAL(10, 2)) + CAST(1 AS DECIMAL(10, 2)) AS d;

-- @differs types: a product of decimals has as many digits as the engine needs
SELECT CAST('1.25' AS DECIMAL(5, 2)) * 2 AS d;

SELECT 10000000000 AS big, 2147483648 * 2 AS product, 2147483647 + 1 AS s;

SELECT CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END AS a, CASE WHEN 1 = 2 THEN 1 END AS b, CASE 1 WHEN 1 THEN 'x' ELSE 'y' END AS c;

SELECT coalesce(1, 2.5) AS a, coalesce(NULL, 'x') AS b, CASE WHEN true THEN NULL ELSE 3 END AS c;

SELECT -level AS a, +level AS b, - - level AS c FROM log_entries WHERE level = 1 LIMIT 1;

SELECT 1 + 2 * 3 - 4 / 2 AS a, (1 + 2) * 3 AS b, 2 + 3 % 2 AS c;

SELECT x'6162' AS a, X'00ff' AS b;

SELECT 'it''s' AS a, '' AS b, 'ünïcode 日本' AS c, E'tab\there' AS d;

SELECT 1 a, 2 b, 'x' "Quoted Name";

SELECT uuid() <> uuid() AS a, length(uuid()) AS b, random() < 1 AS c;

SELECT version() IS NOT NULL AS v;

SELECT random() BETWEEN 0 AND 1 AS r, arrow_typeof(random()) AS t;
