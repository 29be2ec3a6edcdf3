-- Windows: frames, ranks, values of other rows.

SELECT level, count(*) AS n, sum(count(*)) OVER (ORDER BY level ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM log_entries GROUP BY level ORDER BY level;

SELECT id, duration, avg(duration) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING) AS smooth FROM view_instance('thread_spans', '{stream}') WHERE id < 20 ORDER BY id;

SELECT x, sum(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS s FROM (VALUES (1), (2), (4), (7), (8)) t(x) ORDER BY x;

SELECT x, sum(x) OVER (ORDER BY x GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM (VALUES (1), (1), (2), (3)) t(x) ORDER BY x, s;

SELECT x, first_value(x) OVER w AS f, last_value(x) OVER w AS l, nth_value(x, 2) OVER w AS n FROM (VALUES (3), (1), (2)) t(x) WINDOW w AS (ORDER BY x) ORDER BY x;

SELECT x, last_value(x) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l FROM (VALUES (3), (1), (2)) t(x) ORDER BY x;

SELECT x, lag(x) OVER (ORDER BY x) AS a, lag(x, 2) OVER (ORDER BY x) AS b, lag(x, 1, 0) OVER (ORDER BY x) AS c, lead(x, 1, -1) OVER (ORDER BY x) AS d FROM (VALUES (1), (2), (3)) t(x) ORDER BY x;

SELECT x, row_number() OVER (ORDER BY x) AS rn, rank() OVER (ORDER BY x) AS r, dense_rank() OVER (ORDER BY x) AS d, percent_rank() OVER (ORDER BY x) AS p, cume_dist() OVER (ORDER BY x) AS c, ntile(2) OVER (ORDER BY x) AS n FROM (VALUES (1), (1), (2), (3)) t(x) ORDER BY rn;

SELECT level, msg, row_number() OVER (PARTITION BY level ORDER BY time DESC, msg) AS rn FROM log_entries ORDER BY level, rn LIMIT 10;

SELECT * FROM (SELECT level, msg, row_number() OVER (PARTITION BY level ORDER BY time, msg) AS rn FROM log_entries) WHERE rn = 1 ORDER BY level;

SELECT level, count(*) AS n, 100.0 * count(*) / sum(count(*)) OVER () AS percent FROM log_entries GROUP BY level ORDER BY level;

SELECT time, time - lag(time) OVER (ORDER BY time, msg) AS gap FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT x, max(x) OVER (ORDER BY i ROWS 1 PRECEDING) AS m, min(x) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS n FROM (VALUES (1, 5), (2, 3), (3, 9)) t(i, x) ORDER BY i;

SELECT x, count(*) OVER (PARTITION BY x) AS n, count(DISTINCT x) AS d FROM (VALUES (1), (1), (2)) t(x) GROUP BY x ORDER BY x;

SELECT level, sum(level) OVER (PARTITION BY target ORDER BY time, msg ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS before FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT x, sum(x) FILTER (WHERE x > 1) OVER (ORDER BY x) AS s FROM (VALUES (1), (2), (3)) t(x) ORDER BY x;

SELECT level, rank() OVER (ORDER BY count(*) DESC) AS r FROM log_entries GROUP BY level ORDER BY level;

SELECT x, lead(x) IGNORE NULLS OVER (ORDER BY i) AS n FROM (VALUES (1, 5), (2, NULL), (3, 9)) t(i, x) ORDER BY i;

SELECT row_number() OVER (ORDER BY level DESC), level FROM log_entries WHERE level = 1 ORDER BY 1 LIMIT 2;

SELECT sum(level) OVER (PARTITION BY target), count(*) OVER () FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1;

SELECT process_id, count(*) AS n FROM log_entries GROUP BY process_id QUALIFY row_number() OVER (ORDER BY count(*) DESC) = 1;
