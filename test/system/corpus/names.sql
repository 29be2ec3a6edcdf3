-- Names of columns that have no alias.

SELECT log_entries.level, l.level FROM log_entries, (SELECT 1 AS level) l LIMIT 0;

SELECT 1, 'a', 0.5, true, NULL;

SELECT level + 1 FROM log_entries WHERE level = 0;

SELECT count(*), sum(level), avg(level), min(time), max(msg) FROM log_entries;

SELECT sum(l.level), count(DISTINCT l.target) FROM log_entries l;

SELECT upper(target), length(msg) FROM log_entries WHERE level = 0;

SELECT date_bin('1 minute', time) FROM log_entries WHERE level = 0;

SELECT date_trunc('hour', time), date_part('hour', time) FROM log_entries WHERE level = 0;

-- @ours columns of one name
SELECT CAST(level AS BIGINT), level::double FROM log_entries WHERE level = 0;

SELECT level > 1, level = 2, level IS NULL, level IN (1, 2) FROM log_entries WHERE level = 0;

SELECT CASE WHEN level = 0 THEN 'a' ELSE 'b' END FROM log_entries WHERE level = 0;

SELECT coalesce(parent_process_id, 'none') FROM processes WHERE tsc_frequency > 0;

SELECT row_number() OVER (ORDER BY time) FROM log_entries WHERE level = 0;

SELECT (SELECT max(level) FROM log_entries);

SELECT count(*) FILTER (WHERE level = 1) FROM log_entries;

SELECT approx_percentile_cont(level, 0.5) FROM log_entries;

SELECT sum(level * 2), sum(level) / count(*) FROM log_entries;

-- @differs names: NOT in front of a comparison becomes the opposite comparison
SELECT -level, NOT (level = 1) FROM log_entries WHERE level = 0;

SELECT first_value(msg ORDER BY time) FROM log_entries WHERE level = 0;

SELECT n.level FROM (SELECT level FROM log_entries WHERE level = 0) n;

SELECT msg LIKE 'l%', msg || 'x' FROM log_entries WHERE level = 0;

SELECT max("end") - min(begin) FROM view_instance('thread_spans', '{stream}');

SELECT max("end" - begin) AS d FROM view_instance('thread_spans', '{stream}');

SELECT now() IS NOT NULL;

SELECT stddev(value), median(value) FROM measures WHERE name = 'loop_int';

SELECT count(b.block_id), sum(b.nb_objects) FROM blocks b;

SELECT concat('a', 'b'), round(2.567, 2), abs(-1);

SELECT tags[1], array_length(tags) FROM streams WHERE array_has(tags, 'net');
