-- What the Grafana plugin's macros and the web application's templates send.

SELECT date_bin(interval '10 second', time, timestamp '1970-01-01T00:00:00Z') AS time, avg(value) AS value FROM measures WHERE name = 'loop_float' AND time >= '2026-11-24T02:00:00Z' AND time <= '2026-11-24T03:00:00Z' GROUP BY date_bin(interval '10 second', time, timestamp '1970-01-01T00:00:00Z') ORDER BY 1;

SELECT date_bin(interval '60 second', time, timestamp '1970-01-01T00:00:00Z') AS t, target, count(*) AS n FROM log_entries WHERE time >= '2026-11-24T02:22:43.013530852Z' AND time <= '2026-11-24T02:22:43.096247905Z' GROUP BY t, target ORDER BY t, target;

SELECT datepart('minute', time) AS mi, datepart('hour', time) AS h, datepart('day', time) AS d, datepart('month', time) AS mo, datepart('year', time) AS y, count(*) AS n FROM log_entries GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;

SELECT count(*) AS n FROM log_entries WHERE time >= cast('2026-11-24T02:22:43.05Z' as timestamp) AND time < cast('2026-11-24T02:22:43.09Z' as timestamp);

SELECT count(*) AS n FROM log_entries WHERE time BETWEEN '2026-11-24T02:02:42Z' AND '2026-11-24T02:02:43Z';

SELECT count(*) AS n FROM log_entries WHERE time >= '2026-11-24T04:02:42+02:00' AND time <= '2026-11-24T04:02:43+02:00';

SELECT count(*) AS n FROM log_entries WHERE time >= now() - interval '30 minutes' AND time <= now();

SELECT date_bin('1 minute', time) AS time, min(value) AS value FROM view_instance('measures', '{process}') WHERE name = 'loop_int' GROUP BY date_bin('1 minute', time) ORDER BY time;

SELECT date_bin(INTERVAL '10 milliseconds', time) as time, max(value) as value FROM view_instance('measures', '{process}') WHERE name = 'loop_int' GROUP BY time ORDER BY time, value;

SELECT date_bin(INTERVAL '10 milliseconds', time) as t, max(value) as value FROM view_instance('measures', '{process}') WHERE name = 'loop_int' GROUP BY t ORDER BY t;

SELECT time, level, target, msg FROM view_instance('log_entries', '{process}') WHERE level <= 4 AND (target ILIKE '%vec%' OR msg ILIKE '%vec%') ORDER BY time, msg LIMIT 50;

SELECT time, level, target, msg FROM view_instance('log_entries', '{process}') WHERE (target ILIKE '%loop\_%' OR msg ILIKE '%loop\_%') ORDER BY time LIMIT 10;

SELECT msg FROM log_entries WHERE msg ILIKE '%100\%%' ORDER BY msg;

SELECT msg, count(*) AS n FROM log_entries WHERE msg LIKE '%{{%' GROUP BY msg ORDER BY msg;

SELECT msg FROM log_entries WHERE msg NOT ILIKE '%loop%' AND msg NOT LIKE '%static%' AND level = 3 ORDER BY time, msg;

SELECT process_id, exe, start_time, username, computer FROM processes ORDER BY start_time DESC, process_id LIMIT 3;

SELECT process_id, start_time, last_update_time >= start_time AS alive, exe FROM processes WHERE exe LIKE '%vector%' ORDER BY start_time, process_id;

SELECT count(*) AS "Number of errors" FROM log_entries WHERE level <= 2;

SELECT level, count(*) AS count FROM log_entries GROUP BY level ORDER BY count DESC, level;

SELECT target, count(*) AS count FROM log_entries GROUP BY target ORDER BY count DESC, target LIMIT 10;

SELECT name, target, unit, count(*) AS count FROM measures GROUP BY name, target, unit ORDER BY name, target, unit;

SELECT DISTINCT name, unit FROM view_instance('measures', '{process}') ORDER BY name;

SELECT date_bin('1 hour', time) AS bin, level, COUNT(*) AS n FROM log_entries GROUP BY bin, level ORDER BY bin, level;

SELECT date_trunc('minute', time) AS minute, level, count(*) AS n FROM log_entries GROUP BY minute, level ORDER BY minute, level;

SELECT date_bin('1 second', time) AS time, first_value(unit) AS unit, max(value) AS value FROM measures WHERE name = 'loop_int' GROUP BY 1 ORDER BY 1;

SELECT first_value(arrow_cast(unit, 'Utf8')) FILTER (WHERE name = 'loop_int') AS unit, max(value) AS value FROM measures;

SELECT name, sum(value) AS total, avg(value) AS mean, min(value) AS lo, max(value) AS hi, count(value) AS n FROM measures WHERE name IN ('loop_int', 'loop_float', 'int_metric') GROUP BY name ORDER BY name;

SELECT time, value FROM measures WHERE name = 'loop_int' AND value > 40 ORDER BY time DESC, value LIMIT 5;

SELECT process_id, max(time) - min(time) AS lifetime FROM log_entries GROUP BY process_id ORDER BY process_id;

SELECT id, parent, depth, name, target, filename, line, duration FROM view_instance('thread_spans', '{stream}') ORDER BY id;

SELECT name, count(*) AS calls, sum(duration) AS total_ns, avg(duration) AS mean, max(duration) AS longest FROM view_instance('thread_spans', '{stream}') GROUP BY name ORDER BY total_ns DESC, name;

SELECT name, begin, "end", duration / 1000 AS us FROM view_instance('thread_spans', '{stream}') WHERE depth >= 1 ORDER BY begin, id;

SELECT b.span_id, b.name, b.time AS begin_time, e.time AS end_time, e.time - b.time AS duration FROM view_instance('async_events', '{process}') b JOIN view_instance('async_events', '{process}') e ON b.span_id = e.span_id WHERE b.event_type = 'begin' AND e.event_type = 'end' ORDER BY b.span_id;

SELECT CAST((e.time - b.time) AS BIGINT) / 1000000 AS ms FROM view_instance('async_events', '{process}') b, view_instance('async_events', '{process}') e WHERE b.span_id = e.span_id AND b.event_type = 'begin' AND e.event_type = 'end' ORDER BY ms;

WITH begin_events AS (SELECT span_id, time AS begin_time, name, depth FROM view_instance('async_events', '{process}') WHERE event_type = 'begin'), end_events AS (SELECT span_id, time AS end_time FROM view_instance('async_events', '{process}') WHERE event_type = 'end') SELECT name, begin_time, end_time, CAST((end_time - begin_time) AS BIGINT) AS ns FROM begin_events JOIN end_events ON begin_events.span_id = end_events.span_id ORDER BY begin_time, name;

SELECT event_type, depth, count(*) AS n FROM view_instance('async_events', '{process}') GROUP BY event_type, depth ORDER BY event_type, depth;

-- @within 5%: both estimate
SELECT name, approx_percentile_cont(value, 0.5) AS p50 FROM measures WHERE name LIKE 'loop%' GROUP BY name ORDER BY name;

SELECT CASE level WHEN 1 THEN 'fatal' WHEN 2 THEN 'error' WHEN 3 THEN 'warn' WHEN 4 THEN 'info' WHEN 5 THEN 'debug' WHEN 6 THEN 'trace' ELSE 'unknown' END AS level_name, count(*) AS n FROM log_entries GROUP BY level_name ORDER BY level_name;

SELECT time, CASE WHEN level <= 2 THEN 'bad' ELSE 'good' END AS kind FROM log_entries WHERE process_id = '{process}' ORDER BY time, kind LIMIT 5;

SELECT count(*) FILTER (WHERE level <= 2) AS errors, count(*) FILTER (WHERE level = 3) AS warnings, count(*) AS total FROM log_entries;

SELECT process_id, sum(CASE WHEN level = 2 THEN 1 ELSE 0 END) AS errors FROM log_entries GROUP BY process_id ORDER BY process_id;

SELECT computer, count(DISTINCT process_id) AS processes, count(DISTINCT target) AS targets FROM log_entries GROUP BY computer ORDER BY computer;

SELECT interval '5 second' AS i;

SELECT date_bin(INTERVAL '1 day', time) AS day, process_id, count(*) AS n FROM log_entries GROUP BY day, process_id ORDER BY day, process_id;

SELECT time, sum(value) OVER (ORDER BY time, value) AS running FROM measures WHERE process_id = '{process}' AND name = 'loop_int' ORDER BY time, value LIMIT 10;

SELECT arrow_cast(time, 'Int64') AS ns FROM log_entries WHERE process_id = '{process}' ORDER BY ns LIMIT 3;
