-- What the Python client, its command line and notebooks send.

SELECT * FROM processes WHERE process_id='{process}';

  SELECT *
  FROM streams
  WHERE process_id='{process}' AND array_position(tags, 'log') is not NULL
  LIMIT 10;

SELECT * FROM streams WHERE array_position(tags, 'cpu') is not NULL ORDER BY stream_id LIMIT 100;

SELECT * FROM blocks WHERE stream_id='{stream}' LIMIT 10;

SELECT * FROM view_instance('thread_spans', '{stream}') ORDER BY id LIMIT 1024;

SELECT count(*) FROM log_entries;

SELECT COUNT(*) AS count FROM measures;

SELECT * FROM log_entries WHERE process_id = '{process}' AND level <= 2 ORDER BY time, msg;

SELECT process_id, stream_id, block_id, insert_time, exe, username, computer, time, target, name, unit, value, audience FROM measures WHERE name = 'int_metric' ORDER BY process_id;

SELECT "streams.tags", "processes.exe" FROM blocks ORDER BY block_id LIMIT 4;

SELECT b."processes.exe" AS exe, blocks."streams.tags" AS tags FROM blocks, blocks b WHERE blocks.block_id = b.block_id ORDER BY b.block_id LIMIT 3;

SELECT block_id, nb_objects, object_offset, payload_size, begin_ticks, end_ticks FROM blocks WHERE nb_objects > 10 ORDER BY block_id;

SELECT process_id, sum(nb_objects) AS events, sum(payload_size) AS bytes, count(*) AS blocks FROM blocks GROUP BY process_id ORDER BY process_id;

SELECT stream_id, min(begin_time) AS first, max(end_time) AS last, max(end_time) - min(begin_time) AS duration FROM blocks GROUP BY stream_id ORDER BY stream_id;

SELECT p.exe, s.stream_id, s.tags FROM processes p INNER JOIN streams s ON p.process_id = s.process_id WHERE array_has(s.tags, 'log') ORDER BY s.stream_id;

SELECT p.process_id, p.parent_process_id, parent.exe AS parent_exe FROM processes p LEFT JOIN processes parent ON p.parent_process_id = parent.process_id ORDER BY p.process_id;

SELECT process_id FROM processes WHERE parent_process_id IS NULL ORDER BY process_id;

SELECT exe, count(*) AS n, min(start_time) AS oldest FROM processes GROUP BY exe HAVING count(*) > 1 ORDER BY exe;

SELECT start_time, tsc_frequency, start_ticks FROM processes WHERE tsc_frequency > 0;

SELECT time, msg FROM log_entries WHERE process_id = '{process}' AND msg LIKE 'loop%' ORDER BY time LIMIT 3 OFFSET 2;

select process_id,   -- a comment
       /* another */ count(*) as N
from   log_entries
group  by process_id
order  by process_id;

SELECT MAX(time) as MaxTime, Min(time) AS "MinTime" FROM log_entries;

SELECT l.Level, L.TARGET FROM log_entries l WHERE l.LEVEL = 1 ORDER BY l.target;

SELECT datafusion.public.log_entries.level FROM datafusion.public.log_entries WHERE level = 1 ORDER BY 1;

SELECT log_entries.level AS x FROM public.log_entries WHERE log_entries.level = 1;

SELECT 1;

SELECT 1 AS one, 2.5 AS two, 'three' AS three, true AS four, NULL AS five;

SELECT length(msg) AS len, upper(target) AS up FROM log_entries WHERE level = 1 ORDER BY time, len;

SELECT target, level FROM log_entries WHERE target = 'LogInit' UNION SELECT target, level FROM log_entries WHERE level = 0 ORDER BY target;

SELECT min(level), max(level), sum(level), avg(level), count(level) FROM log_entries;

SELECT min(l.level), max(l.time), count(distinct l.target) FROM log_entries l;

SELECT target, min(level), sum(level) FROM log_entries GROUP BY target ORDER BY target;

SELECT process_id, count(*) FROM log_entries GROUP BY process_id HAVING count(*) > 100 ORDER BY count(*) DESC, process_id;

SELECT encode(properties, 'hex') AS h FROM log_entries WHERE msg = 'tagged static' ORDER BY process_id;

SELECT encode(objects_metadata, 'base64') AS b FROM streams WHERE array_has(tags, 'image') ORDER BY stream_id;

SELECT properties FROM log_entries WHERE properties = decode('40000000', 'hex') AND level = 1 ORDER BY time;

SELECT count(*) AS n FROM streams WHERE objects_metadata != dependencies_metadata;

-- @ours octet_length of bytes
SELECT stream_id, format, octet_length(objects_metadata) AS size FROM streams ORDER BY stream_id;

SELECT l.time, l.msg, p.exe FROM log_entries l JOIN processes p USING (process_id) WHERE l.level = 1 ORDER BY l.time, l.msg;

SELECT arrow_typeof(time) AS a, arrow_typeof(level) AS b, arrow_typeof(msg) AS c, arrow_typeof(target) AS d, arrow_typeof(properties) AS e FROM log_entries LIMIT 1;

SELECT arrow_typeof("streams.properties") AS a, arrow_typeof("streams.tags") AS b, arrow_typeof(begin_time) AS c, arrow_typeof(nb_objects) AS d FROM blocks LIMIT 1;

SELECT process_id, (last_block_end_ticks - start_ticks) AS ticks FROM processes ORDER BY process_id;

SELECT * FROM (SELECT process_id, row_number() OVER (PARTITION BY process_id ORDER BY time, msg) AS n, msg FROM log_entries) WHERE n <= 2 ORDER BY process_id, n;

SELECT value FROM measures WHERE name = 'float_nan' OR name = 'float_inf' ORDER BY value;

SELECT count(*) AS n FROM measures WHERE isnan(value);

SELECT name, value FROM measures WHERE name IN ('float_negzero', 'int_max', 'float_neg') ORDER BY name, value;
