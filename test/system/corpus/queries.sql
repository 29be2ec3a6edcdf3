-- Joins, subqueries, CTEs, set operations, windows.

SELECT l.level, p.exe FROM log_entries l INNER JOIN processes p ON l.process_id = p.process_id WHERE l.level = 1 ORDER BY l.time, l.msg;

SELECT p.process_id, l.msg FROM processes p LEFT JOIN log_entries l ON l.process_id = p.process_id AND l.level = 1 ORDER BY p.process_id, l.msg;

SELECT l.msg, p.exe FROM log_entries l RIGHT JOIN processes p ON l.process_id = p.process_id AND l.level = 0 ORDER BY l.msg, p.exe;

SELECT a.x, b.x AS y FROM (VALUES (1), (2)) a(x) FULL OUTER JOIN (VALUES (2), (3)) b(x) ON a.x = b.x ORDER BY a.x, b.x;

SELECT count(*) AS n FROM log_entries CROSS JOIN processes;

SELECT count(*) AS n FROM log_entries a, log_entries b WHERE a.block_id = b.block_id AND a.level = 1 AND b.level = 2;

SELECT process_id, exe FROM processes WHERE process_id IN (SELECT process_id FROM log_entries WHERE level = 0);

SELECT process_id FROM processes p WHERE EXISTS (SELECT 1 FROM log_entries l WHERE l.process_id = p.process_id AND l.level = 1) ORDER BY process_id;

SELECT process_id FROM processes p WHERE NOT EXISTS (SELECT 1 FROM measures m WHERE m.process_id = p.process_id AND m.name = 'loop_int') ORDER BY process_id;

SELECT process_id, (SELECT count(*) FROM log_entries l WHERE l.process_id = p.process_id) AS n FROM processes p ORDER BY process_id;

SELECT count(*) AS n FROM processes WHERE process_id NOT IN (SELECT process_id FROM measures);

SELECT * FROM (SELECT level, count(*) AS n FROM log_entries GROUP BY level) WHERE n > 10 ORDER BY level;

SELECT sub.level, sub.n FROM (SELECT level, count(*) AS n FROM log_entries GROUP BY level) AS sub ORDER BY sub.level;

WITH a AS (SELECT level, count(*) AS n FROM log_entries GROUP BY level) SELECT sum(n) AS total FROM a;

WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b;

WITH a(x, y) AS (SELECT 1, 'a' UNION ALL SELECT 2, 'b') SELECT * FROM a ORDER BY x;

WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r ORDER BY n;

WITH spans AS (SELECT * FROM view_instance('thread_spans', '{stream}')) SELECT parent.name AS parent, child.name AS child, count(*) AS n FROM spans child JOIN spans parent ON child.parent = parent.id GROUP BY parent.name, child.name ORDER BY parent.name, child.name;

SELECT level FROM log_entries WHERE level = 1 UNION ALL SELECT level FROM log_entries WHERE level = 2 ORDER BY level;

SELECT level FROM log_entries UNION SELECT 99 ORDER BY level;

SELECT target FROM log_entries INTERSECT SELECT target FROM measures ORDER BY target;

SELECT process_id FROM processes EXCEPT SELECT process_id FROM measures ORDER BY process_id;

SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL ORDER BY a;

SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a;

SELECT time, 'log' AS kind FROM log_entries WHERE level = 1 UNION ALL SELECT time, 'metric' FROM measures WHERE name = 'int_metric' ORDER BY time, kind;

SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, NULL)) AS t(id, name) ORDER BY id;

VALUES (1, 'a'), (2, 'b');

SELECT column1, column2 FROM (VALUES (1, 'a'), (2, 'b')) ORDER BY column1;

SELECT x FROM (VALUES (3), (1), (NULL), (2)) t(x) ORDER BY x;

SELECT x FROM (VALUES (3), (1), (NULL), (2)) t(x) ORDER BY x DESC;

SELECT x FROM (VALUES (3), (1), (NULL), (2)) t(x) ORDER BY x NULLS FIRST;

SELECT x FROM (VALUES (3), (1), (NULL), (2)) t(x) ORDER BY x DESC NULLS LAST;

SELECT x FROM (VALUES (3), (1), (NULL), (2)) t(x) ORDER BY x DESC LIMIT 2;

SELECT parent_process_id FROM processes ORDER BY parent_process_id DESC, process_id;

SELECT parent_process_id FROM processes ORDER BY parent_process_id, process_id;

SELECT level, target FROM log_entries WHERE level = 1 ORDER BY 2, 1;

SELECT level AS l FROM log_entries WHERE level < 2 ORDER BY l, level, time;

SELECT msg FROM log_entries WHERE level = 2 ORDER BY length(msg), msg;

SELECT msg FROM log_entries ORDER BY time, msg LIMIT 5;

SELECT msg FROM log_entries ORDER BY time, msg LIMIT 5 OFFSET 3;

SELECT msg FROM log_entries ORDER BY time DESC, msg DESC LIMIT 3;

SELECT * FROM log_entries WHERE false;

SELECT count(*) AS n FROM log_entries LIMIT 0;

SELECT row_number() OVER (ORDER BY time, msg) AS n, msg FROM log_entries WHERE process_id = '{process}' ORDER BY n LIMIT 5;

SELECT level, rank() OVER (ORDER BY level) AS r, dense_rank() OVER (ORDER BY level) AS d, percent_rank() OVER (ORDER BY level) AS p, cume_dist() OVER (ORDER BY level) AS c FROM log_entries WHERE process_id = '{process}' ORDER BY level, r;

SELECT level, ntile(4) OVER (ORDER BY time, msg) AS q FROM log_entries WHERE process_id = '{process}' ORDER BY time, msg LIMIT 8;

SELECT level, lag(level) OVER (ORDER BY time, msg) AS before, lead(level, 2) OVER (ORDER BY time, msg) AS later, lag(level, 1, 0) OVER (ORDER BY time, msg) AS b0 FROM log_entries WHERE process_id = '{process}' ORDER BY time, msg LIMIT 6;

SELECT level, first_value(msg) OVER (PARTITION BY level ORDER BY time, msg) AS f, last_value(msg) OVER (PARTITION BY level ORDER BY time, msg ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l FROM log_entries WHERE process_id = '{process}' AND level < 4 ORDER BY level, time, msg;

SELECT time, value, avg(value) OVER (ORDER BY time, value ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving FROM measures WHERE process_id = '{process}' AND name = 'loop_int' ORDER BY time, value LIMIT 8;

SELECT level, count(*) AS n, sum(count(*)) OVER (ORDER BY level) AS running FROM log_entries GROUP BY level ORDER BY level;

SELECT level, count(*) AS n, count(*) * 100.0 / sum(count(*)) OVER () AS percent FROM log_entries GROUP BY level ORDER BY level;

SELECT process_id, level, count(*) OVER (PARTITION BY process_id) AS n FROM log_entries WHERE level = 1 ORDER BY process_id, n;

SELECT nth_value(msg, 2) OVER (ORDER BY time, msg) AS n FROM log_entries WHERE process_id = '{process}' ORDER BY time, msg LIMIT 3;

SELECT sum(level) OVER w AS s, avg(level) OVER w AS a FROM log_entries WHERE process_id = '{process}' WINDOW w AS (ORDER BY time, msg) ORDER BY time, msg LIMIT 4;

SELECT level, msg FROM log_entries WHERE process_id = '{process}' QUALIFY row_number() OVER (PARTITION BY level ORDER BY time, msg) = 1 ORDER BY level;

SELECT max(level) OVER (PARTITION BY target) AS m, target FROM log_entries WHERE level <= 2 ORDER BY target, time, m;

SELECT a.level FROM log_entries a JOIN log_entries b ON a.level = b.level + 1 AND a.block_id = b.block_id WHERE b.level = 1 ORDER BY a.time, a.msg;

SELECT s.stream_id, count(b.block_id) AS n FROM streams s LEFT JOIN blocks b ON s.stream_id = b.stream_id GROUP BY s.stream_id ORDER BY s.stream_id;

SELECT * FROM (SELECT level FROM log_entries WHERE level = 1) a JOIN (SELECT 1 AS level, 'x' AS tag) b USING (level);

SELECT t.* FROM (SELECT 1 AS a, 2 AS b) t;

SELECT t.*, a + b AS c FROM (SELECT 1 AS a, 2 AS b) t;

SELECT * EXCLUDE (properties, process_properties) FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT * EXCEPT (msg) FROM (SELECT 1 AS a, 'x' AS msg);

SELECT * REPLACE (a + 1 AS a) FROM (SELECT 1 AS a, 2 AS b);

SELECT count(*) AS n FROM log_entries WHERE (level, target) IN ((1, 'LogInit'), (2, 'LogNet'));

SELECT count(*) AS n FROM log_entries WHERE level = (SELECT max(level) FROM log_entries);

SELECT count(*) AS n FROM log_entries WHERE level > ALL (SELECT 4);

-- @differs nulls: a count is never null
SELECT l.level, x.n FROM (SELECT DISTINCT level FROM log_entries) l, LATERAL (SELECT count(*) AS n FROM measures WHERE value = l.level) x ORDER BY l.level;

-- @ours EXISTS where a value stands
SELECT CASE WHEN EXISTS (SELECT 1 FROM log_entries WHERE level = 0) THEN 'yes' ELSE 'no' END AS x;

SELECT level FROM log_entries WHERE level IN (1, 2) AND NOT (target LIKE 'vec%' OR msg IS NULL) ORDER BY level, time, msg;

-- @ours the shared column of a NATURAL JOIN
SELECT natural_key FROM (SELECT 1 AS natural_key) NATURAL JOIN (SELECT 1 AS natural_key, 2 AS other);

SELECT a.n, b.n AS m FROM (SELECT 1 AS n) a LEFT JOIN (SELECT 2 AS n) b ON a.n = b.n;

SELECT l.process_id FROM log_entries l LEFT SEMI JOIN processes p ON l.process_id = p.process_id AND p.tsc_frequency > 0;

SELECT p.process_id FROM processes p LEFT ANTI JOIN log_entries l ON l.process_id = p.process_id ORDER BY 1;

SELECT "level", "msg" FROM "log_entries" WHERE "level" = 1 ORDER BY "time", "msg";

-- @ours TABLE name
TABLE processes;

SELECT count(*) AS "end", 1 AS "select", 2 AS time FROM log_entries;

-- @ours end without quotes
SELECT id, name, begin, end FROM (SELECT id, name, begin, "end" FROM view_instance('thread_spans', '{stream}')) WHERE id < 3 ORDER BY id;

SELECT level, ROW_NUMBER() OVER () > 0 AS x FROM log_entries WHERE level = 0;
