-- Shapes of queries: WITH, set operations, subqueries, grouping sets, lateral joins, lists in FROM.

WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r ORDER BY n;

WITH RECURSIVE r AS (SELECT 1 AS n, 1 AS f UNION ALL SELECT n + 1, f * (n + 1) FROM r WHERE n < 6) SELECT * FROM r ORDER BY n;

WITH RECURSIVE up AS (SELECT id, parent, depth FROM view_instance('thread_spans', '{stream}') WHERE id = 3 UNION ALL SELECT s.id, s.parent, s.depth FROM view_instance('thread_spans', '{stream}') s JOIN up ON s.id = up.parent WHERE up.depth > 0) SELECT id FROM up ORDER BY id;

WITH a AS (SELECT level FROM log_entries), b AS (SELECT level, count(*) AS n FROM a GROUP BY level) SELECT b.level, b.n, (SELECT max(n) FROM b) AS most FROM b ORDER BY level;

WITH a(x, y) AS (VALUES (1, 'a'), (2, 'b')) SELECT y, x FROM a ORDER BY x DESC;

WITH log_entries AS (SELECT 1 AS level) SELECT level FROM log_entries;

SELECT level, target, count(*) AS n FROM log_entries GROUP BY GROUPING SETS ((level, target), (level), ()) ORDER BY level NULLS LAST, target NULLS LAST, n;

SELECT level, count(*) AS n, grouping(level) AS g FROM log_entries GROUP BY ROLLUP (level) ORDER BY level NULLS LAST;

SELECT level, event, count(*) AS n FROM (SELECT level, level % 2 AS event FROM log_entries) GROUP BY CUBE (level, event) ORDER BY 1 NULLS LAST, 2 NULLS LAST, 3;

SELECT 1 AS a UNION SELECT 1 UNION ALL SELECT 2 ORDER BY a;

SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a;

SELECT level AS a FROM log_entries WHERE level = 1 UNION SELECT value FROM measures WHERE name = 'int_metric' ORDER BY a;

SELECT 1 AS a UNION ALL SELECT NULL ORDER BY a NULLS FIRST;

SELECT 'x' AS a UNION ALL SELECT target FROM (SELECT target FROM log_entries WHERE level = 1 ORDER BY time LIMIT 1) ORDER BY a;

SELECT process_id, NULL AS x FROM processes UNION ALL SELECT stream_id, 1 FROM streams ORDER BY 1, 2;

SELECT level FROM log_entries INTERSECT SELECT 1 ORDER BY level;

SELECT level FROM log_entries EXCEPT SELECT level FROM log_entries WHERE level > 2 ORDER BY level;

SELECT x FROM (VALUES (1), (1), (2)) t(x) INTERSECT ALL SELECT x FROM (VALUES (1), (1), (3)) u(x) ORDER BY x;

-- @differs rows: EXCEPT ALL takes away as many rows as there are, not all that are equal
SELECT x FROM (VALUES (1), (1), (2)) t(x) EXCEPT ALL SELECT x FROM (VALUES (1)) u(x) ORDER BY x;

SELECT count(*) FROM log_entries WHERE process_id IN (SELECT process_id FROM processes WHERE exe IS NOT NULL);

SELECT count(*) FROM log_entries WHERE process_id NOT IN (SELECT process_id FROM streams);

SELECT process_id FROM processes p WHERE EXISTS (SELECT 1 FROM log_entries l WHERE l.process_id = p.process_id AND l.level = 1) ORDER BY 1;

SELECT process_id FROM processes p WHERE NOT EXISTS (SELECT 1 FROM measures m WHERE m.process_id = p.process_id) ORDER BY 1;

SELECT process_id, (SELECT max(level) FROM log_entries l WHERE l.process_id = p.process_id) AS worst FROM processes p ORDER BY process_id;

SELECT count(*) FROM log_entries WHERE level = (SELECT min(level) FROM log_entries);

SELECT count(*) FROM log_entries l WHERE time = (SELECT max(time) FROM log_entries m WHERE m.process_id = l.process_id);

SELECT level, n FROM (SELECT level, count(*) AS n FROM log_entries GROUP BY level) AS s WHERE n > (SELECT avg(n) FROM (SELECT count(*) AS n FROM log_entries GROUP BY level)) ORDER BY level;

SELECT 3 IN (1, 2, 3) AS a, 3 NOT IN (1, 2) AS b, NULL IN (1) AS c, 1 IN (1, NULL) AS d, 2 IN (1, NULL) AS e;

SELECT a.x, b.y FROM (VALUES (1), (2)) a(x) CROSS JOIN (VALUES ('p'), ('q')) b(y) ORDER BY 1, 2;

SELECT p.process_id, s.n FROM processes p LEFT JOIN (SELECT process_id, count(*) AS n FROM streams GROUP BY process_id) s ON s.process_id = p.process_id ORDER BY 1;

SELECT p.process_id, s.stream_id FROM processes p JOIN streams s USING (process_id) ORDER BY 1, 2;

SELECT a.level, b.level FROM (SELECT DISTINCT level FROM log_entries) a FULL JOIN (SELECT 3 AS level UNION ALL SELECT 99) b ON a.level = b.level ORDER BY 1, 2;

SELECT unnest([1, 2, 3]) AS x ORDER BY x;

SELECT stream_id, unnest(tags) AS tag FROM streams ORDER BY 1, 2;

SELECT tag, count(*) AS n FROM (SELECT unnest(tags) AS tag FROM streams) GROUP BY tag ORDER BY tag;

-- @differs names: the fields of a structure keep their names
SELECT unnest(named_struct('a', 1, 'b', 'x'));

SELECT level FROM log_entries ORDER BY level DESC NULLS LAST LIMIT 3 OFFSET 2;

SELECT x FROM (VALUES (1), (NULL), (3)) t(x) ORDER BY x;

SELECT x FROM (VALUES (1), (NULL), (3)) t(x) ORDER BY x DESC;

SELECT x FROM (VALUES (1), (NULL), (3)) t(x) ORDER BY x ASC NULLS FIRST;

SELECT x FROM (VALUES (1), (NULL), (3)) t(x) ORDER BY x DESC NULLS LAST OFFSET 1;

SELECT level FROM log_entries ORDER BY level LIMIT 0;

SELECT DISTINCT level, target FROM log_entries ORDER BY 1, 2;

VALUES (1, 'a'), (2, NULL);

SELECT * FROM (VALUES (1, 2.5, 'a', true, NULL));

SELECT column1, column2 FROM (VALUES (1, 'a'), (2, 'b')) WHERE column1 > 1;

SELECT max(n) FROM (SELECT count(*) AS n FROM log_entries GROUP BY level HAVING count(*) > 1);

SELECT level, count(*) FROM log_entries GROUP BY 1 HAVING sum(level) > 3 ORDER BY count(*) DESC, level;

SELECT CASE WHEN level <= 2 THEN 'bad' ELSE 'fine' END AS kind, count(*) AS n FROM log_entries GROUP BY kind ORDER BY kind;

SELECT CASE WHEN level <= 2 THEN 'bad' ELSE 'fine' END AS kind, count(*) AS n FROM log_entries GROUP BY CASE WHEN level <= 2 THEN 'bad' ELSE 'fine' END ORDER BY 1;

SELECT string_agg(target, ',' ORDER BY target) AS t FROM (SELECT DISTINCT target FROM log_entries);

SELECT array_agg(level ORDER BY level) AS l FROM (SELECT DISTINCT level FROM log_entries);

SELECT array_agg(DISTINCT level ORDER BY level) AS l FROM log_entries;
