-- What people ask every day.

SELECT date_bin(INTERVAL '10 seconds', time) AS b, level, count(*) AS n FROM log_entries WHERE time >= '2000-01-01T00:00:00Z' GROUP BY b, level ORDER BY b, level;

SELECT name, date_bin(INTERVAL '1 minute', time) AS bin, max(value) AS m, count(*) AS n FROM measures GROUP BY name, bin ORDER BY name, bin;

-- @refused numbers that are not finite have no deviation
SELECT name, avg(value) AS a, min(value) AS b, max(value) AS c, stddev(value) AS d FROM measures GROUP BY name HAVING count(*) > 1 ORDER BY name;

SELECT target, level, count(*) AS n FROM log_entries GROUP BY target, level ORDER BY n DESC, target, level LIMIT 5;

SELECT l.process_id, p.exe, count(*) AS n FROM log_entries l JOIN processes p ON l.process_id = p.process_id GROUP BY l.process_id, p.exe ORDER BY 1, 2;

SELECT name, sum(duration) AS total, count(*) AS n, max(duration) AS longest FROM view_instance('thread_spans', '{stream}') GROUP BY name ORDER BY total DESC, name LIMIT 10;

SELECT name, begin, "end", duration / 1000000.0 AS ms FROM view_instance('thread_spans', '{stream}') WHERE depth = 1 ORDER BY begin, id LIMIT 5;

SELECT a.name, b.name AS child FROM view_instance('thread_spans', '{stream}') a JOIN view_instance('thread_spans', '{stream}') b ON b.parent = a.id WHERE a.id > 0 ORDER BY b.id LIMIT 5;

SELECT span_id, min(time) AS begin, max(time) AS "end", max(time) - min(time) AS took FROM view_instance('async_events', '{process}') GROUP BY span_id ORDER BY span_id LIMIT 5;

SELECT b.span_id, e.time - b.time AS took FROM view_instance('async_events', '{process}') b JOIN view_instance('async_events', '{process}') e ON e.span_id = b.span_id WHERE b.event_type = 'begin' AND e.event_type = 'end' ORDER BY b.span_id LIMIT 5;

SELECT sum(payload_size) AS bytes, sum(nb_objects) AS events, min(begin_time) AS first, max(end_time) AS last FROM blocks;

SELECT "streams.tags" AS tags, count(*) AS n FROM blocks GROUP BY "streams.tags" ORDER BY n, tags;

SELECT DISTINCT "processes.exe" FROM blocks ORDER BY 1;

SELECT process_id, max(last_update_time) - min(start_time) AS age FROM processes GROUP BY process_id ORDER BY 1;

SELECT array_has(tags, 'cpu') AS cpu, count(*) FROM streams GROUP BY cpu ORDER BY cpu;

SELECT count(*) FROM streams WHERE array_has(tags, 'log') OR array_has_any(tags, ['metrics', 'cpu']);

SELECT tags FROM streams WHERE tags = ['log'] ORDER BY stream_id;

SELECT level, count(*) FROM log_entries WHERE NOT (level > 3 OR target LIKE 'x%') AND msg IS NOT NULL GROUP BY level ORDER BY level;

SELECT level::bigint * 1000000000 AS ns, time::bigint - time::bigint AS zero FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT date_part('hour', time) * 60 + date_part('minute', time) AS m FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT CAST(date_trunc('hour', time) AS VARCHAR) AS h, count(*) AS n FROM log_entries GROUP BY h ORDER BY h;

SELECT to_char(time, '%H:%M') AS t, concat(exe, '@', computer) AS w FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT upper(left(msg, 3)) || '...' AS m, length(msg) AS n, position(' ' IN msg) AS p FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT CASE WHEN value > 10 THEN 'high' WHEN value > 1 THEN 'mid' ELSE 'low' END AS size, count(*) AS n, round(avg(value), 3) AS a FROM measures WHERE name = 'loop_float' GROUP BY size ORDER BY size;

SELECT width, count(*) FROM (SELECT floor(value / 2) * 2 AS width FROM measures WHERE name = 'loop_float') GROUP BY width ORDER BY width;

SELECT sum(CASE WHEN level <= 2 THEN 1 ELSE 0 END) AS errors, count(*) AS n, sum(CASE WHEN level <= 2 THEN 1 ELSE 0 END) * 100 / count(*) AS percent FROM log_entries;

SELECT count(*) - count(DISTINCT msg) AS repeated, min(length(msg)) AS a, max(octet_length(msg)) AS b FROM log_entries;

SELECT max(time) - INTERVAL '5 minutes' AS since, max(time) + INTERVAL '1.5 hours' AS until FROM log_entries;

SELECT msg FROM log_entries WHERE time >= (SELECT max(time) FROM log_entries) - INTERVAL '1 hour' ORDER BY time DESC, msg LIMIT 2;

SELECT process_id, first_value(msg ORDER BY time, msg) AS f, last_value(msg ORDER BY time, msg) AS l FROM log_entries GROUP BY process_id ORDER BY process_id;

-- @ours dictionaries are put in order, too
SELECT level, array_agg(DISTINCT target ORDER BY target) AS t, string_agg(DISTINCT target, '; ' ORDER BY target) AS s FROM log_entries GROUP BY level ORDER BY level;

SELECT exe || ' ' || username AS who, coalesce(distro, '?') AS d, tsc_frequency > 0 AS known FROM processes ORDER BY process_id;

SELECT CAST(level AS VARCHAR) || ':' || msg AS x FROM log_entries WHERE CAST(level AS VARCHAR) IN ('1', '2') ORDER BY level, time, msg LIMIT 3;

SELECT count(*) FROM log_entries a, log_entries b WHERE a.level = b.level AND a.level = 1;

SELECT level, lag(n) OVER (ORDER BY level) AS before, n - lag(n) OVER (ORDER BY level) AS change FROM (SELECT level, count(*) AS n FROM log_entries GROUP BY level) ORDER BY level;

SELECT time, value, sum(value) OVER (PARTITION BY name ORDER BY time) AS running FROM measures WHERE name = 'loop_float' ORDER BY time LIMIT 5;

SELECT a.level + b.x FROM log_entries a CROSS JOIN (SELECT 1 AS x) b WHERE a.level = 1 ORDER BY a.time LIMIT 1;

SELECT -1 AS a, +1 AS b, - - 1 AS c, -(-1) AS d, abs(-1.5) AS e, -level AS f FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT count(1), count(NULL), sum(1), sum(1.5), avg(1), min('a'), max(true) FROM log_entries WHERE level = 1;

SELECT sum(level), sum(level) / count(*), avg(level) * 2, max(level) - min(level) FROM log_entries;

SELECT upper(msg), msg || 'x', level = 1, level IS NULL, level BETWEEN 1 AND 2, msg LIKE 'a%', CASE WHEN level = 1 THEN 'a' END FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT date_trunc('day', time), date_part('hour', time), time - INTERVAL '1 day', CAST(level AS DOUBLE) FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT coalesce(NULL, level), nullif(level, 1), level::varchar, abs(level), round(level / 2.0, 1) FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT array_agg(level ORDER BY level), string_agg(msg, ',' ORDER BY msg), bool_and(level = 1) FROM log_entries WHERE level = 1;

SELECT * FROM (SELECT level, count(*) FROM log_entries GROUP BY level) ORDER BY level;

SELECT t.* FROM (SELECT 1 AS a, 'b' AS b) t;

SELECT * EXCLUDE (b) FROM (SELECT 1 AS a, 2 AS b);

SELECT level AS x FROM log_entries WHERE level = 1 GROUP BY x HAVING x > 0 ORDER BY x;

SELECT 1 WHERE false;

SELECT NULL AS a, NULL::int AS b, CAST(NULL AS VARCHAR) AS c, CAST(NULL AS TIMESTAMP) AS d;

SELECT time + INTERVAL '1' MONTH, time - INTERVAL '90 minutes', INTERVAL '1 year 2 days', INTERVAL '3 seconds' FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT date_bin(INTERVAL '5 minutes', time), count(*) FROM log_entries GROUP BY 1 ORDER BY 1;

SELECT stddev(x), var(x), stddev_pop(x), var_pop(x) FROM (VALUES (1.0), (2.0), (4.0)) t(x);

SELECT nullif(level, 2) AS a, nullif(msg, '') AS b, nullif(2, level) AS c FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;
