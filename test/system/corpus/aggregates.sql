-- Aggregates and grouping.

SELECT count(*), count(level), count(DISTINCT level) FROM log_entries;

SELECT count(*) AS a, count(1) AS b, count(NULL) AS c FROM log_entries;

SELECT count(1) FROM log_entries;

SELECT sum(value) AS s, avg(value) AS a, min(value) AS lo, max(value) AS hi FROM measures WHERE name = 'loop_float';

SELECT stddev(value) AS a, stddev_pop(value) AS b, stddev_samp(value) AS c, var(value) AS d, var_pop(value) AS e, var_samp(value) AS f FROM measures WHERE name = 'loop_float';

-- @ours another name of var
SELECT variance(x) AS v FROM (VALUES (1.0), (2.0), (4.0)) t(x);

SELECT median(value) AS m FROM measures WHERE name = 'loop_float';

SELECT median(level) AS m FROM log_entries;

SELECT corr(value, value * 2) AS c, covar_pop(value, value) AS p, covar_samp(value, value) AS s FROM measures WHERE name = 'loop_float';

SELECT corr(x, y) AS c, covar(x, y) AS v FROM (VALUES (1.0, 2.0), (2.0, 3.5), (3.0, 5.5)) t(x, y);

SELECT regr_slope(y, x) AS a, regr_intercept(y, x) AS b, regr_r2(y, x) AS c, regr_count(y, x) AS d FROM (VALUES (1.0, 2.0), (2.0, 3.0), (3.0, 5.0)) t(x, y);

-- @within 5%: both estimate
SELECT approx_percentile_cont(value, 0.5) AS a, approx_percentile_cont(value, 0.95) AS b, approx_percentile_cont(value, 0.99, 200) AS c FROM measures WHERE name = 'loop_float';

-- @within 5%: both estimate
SELECT approx_percentile_cont(0.9) WITHIN GROUP (ORDER BY value) AS p FROM measures WHERE name = 'loop_float';

-- @within 10%: both estimate
SELECT approx_percentile_cont(0.9) WITHIN GROUP (ORDER BY value DESC) AS p FROM measures WHERE name = 'loop_float';

-- @within 5%: both estimate
SELECT approx_percentile_cont(value, 0.75) FILTER (WHERE name = 'loop_float') AS p FROM measures;

SELECT approx_percentile_cont(level, 0.5) AS p FROM log_entries;

SELECT percentile_cont(value, 0.25) AS a FROM measures WHERE name = 'loop_float';

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS a FROM measures WHERE name = 'loop_float';

SELECT quantile_cont(value, 0.5) AS a FROM measures WHERE name = 'loop_float';

-- @within 5%: both estimate
SELECT approx_median(value) AS m FROM measures WHERE name = 'loop_int';

-- @ours dictionaries are counted too
SELECT approx_distinct(level) AS n, approx_distinct(process_id) AS p FROM log_entries;

SELECT first_value(msg ORDER BY time, msg) AS f, last_value(msg ORDER BY time, msg) AS l FROM log_entries WHERE process_id = '{process}';

SELECT first_value(level ORDER BY time, msg) FILTER (WHERE level > 3) AS f FROM log_entries WHERE process_id = '{process}';

SELECT target, first_value(msg ORDER BY time, msg) AS f FROM log_entries GROUP BY target ORDER BY target;

SELECT nth_value(level, 2 ORDER BY time, msg) AS n FROM log_entries WHERE process_id = '{process}';

SELECT array_agg(level ORDER BY level) AS levels FROM (SELECT DISTINCT level FROM log_entries);

SELECT array_agg(DISTINCT level ORDER BY level) AS levels FROM log_entries;

SELECT target, array_agg(level ORDER BY level, time) AS levels FROM log_entries WHERE target LIKE 'Log%' GROUP BY target ORDER BY target;

SELECT string_agg(target, ',' ORDER BY target) AS s FROM (SELECT DISTINCT target FROM log_entries);

SELECT string_agg(DISTINCT level::varchar, '-' ORDER BY level::varchar) AS s FROM log_entries;

SELECT bool_and(level > 0) AS a, bool_or(level > 5) AS b FROM log_entries;

SELECT bit_and(level) AS a, bit_or(level) AS b, bit_xor(level) AS c FROM log_entries;

SELECT sum(DISTINCT level) AS a, avg(DISTINCT level) AS b, count(DISTINCT target) AS c FROM log_entries;

SELECT sum(level) FILTER (WHERE level > 3) AS a, avg(level) FILTER (WHERE level <= 3) AS b, max(msg) FILTER (WHERE level = 1) AS c FROM log_entries;

SELECT count(DISTINCT level) FILTER (WHERE level > 2) AS n FROM log_entries;

SELECT min(target) AS a, max(target) AS b, min(msg) AS c, min(time) AS d FROM log_entries;

SELECT max(level) AS a, sum(level) AS b, min(msg) AS c, count(*) AS d, avg(level) AS e FROM log_entries WHERE level > 100;

SELECT target, count(*) FROM log_entries WHERE level > 100 GROUP BY target;

SELECT level, count(*) FROM log_entries GROUP BY level ORDER BY level;

SELECT level, count(*), sum(level), min(time) FROM log_entries GROUP BY level ORDER BY 1;

SELECT level + 1 AS l, count(*) AS n FROM log_entries GROUP BY level + 1 ORDER BY l;

SELECT level % 2 AS odd, avg(level) AS a FROM log_entries GROUP BY odd ORDER BY odd;

SELECT target, level, count(*) AS n FROM log_entries GROUP BY ROLLUP (target, level) ORDER BY target, level, n;

SELECT target, level, count(*) AS n FROM log_entries GROUP BY CUBE (target, level) ORDER BY target, level, n;

SELECT target, level, count(*) AS n FROM log_entries GROUP BY GROUPING SETS ((target), (level), ()) ORDER BY target, level, n;

SELECT target, grouping(target) AS g, count(*) AS n FROM log_entries GROUP BY ROLLUP (target) ORDER BY target, g;

SELECT level, count(*) AS n FROM log_entries GROUP BY ALL ORDER BY level;

SELECT DISTINCT level FROM log_entries ORDER BY level;

-- @differs nulls: a column that is never null is not null here either
SELECT DISTINCT ON (level) level, msg FROM log_entries ORDER BY level, time, msg;

SELECT target, count(*) AS n FROM log_entries GROUP BY target HAVING n > 2 ORDER BY n DESC, target;

SELECT target, avg(level) AS a FROM log_entries GROUP BY target HAVING avg(level) > 3 AND count(*) > 1 ORDER BY target;

SELECT max(value) - min(value) AS spread, sum(value) / count(*) AS mean FROM measures WHERE name = 'loop_int';

SELECT sum(value * value) AS sq, sqrt(sum(value * value)) AS r FROM measures WHERE name = 'loop_int';

SELECT count(*) * 100.0 / (SELECT count(*) FROM log_entries) AS percent FROM log_entries WHERE level = 4;

SELECT round(avg(value), 2) AS a FROM measures WHERE name = 'loop_float';

SELECT sum(CASE WHEN level <= 2 THEN 1 ELSE 0 END)::double / count(*) AS ratio FROM log_entries;

SELECT process_id, max(time) AS newest, count(*) AS n FROM (SELECT process_id, time FROM log_entries UNION ALL SELECT process_id, time FROM measures) GROUP BY process_id ORDER BY process_id;

SELECT sum(nb_objects) AS a, sum(payload_size) AS b, avg(nb_objects) AS c, max(object_offset) AS d FROM blocks;

SELECT sum(nb_objects), avg(payload_size), min(begin_time) FROM blocks;

SELECT sum(level + 1) AS a, min(level * 2) AS b, avg(level / 2) AS c FROM log_entries;

SELECT avg(depth) AS a, sum(duration) AS b, max(line) AS c FROM view_instance('thread_spans', '{stream}');

SELECT sum(1) AS a, sum(2.5) AS b, avg(1) AS c, min(5) AS d, max('x') AS e FROM log_entries;

SELECT count(*) FROM (SELECT DISTINCT process_id, target FROM log_entries);

SELECT sum(x) AS s, avg(x) AS a, count(x) AS n FROM (VALUES (1), (NULL), (3)) t(x);

SELECT x, count(*) AS n FROM (VALUES (1), (NULL), (1), (NULL)) t(x) GROUP BY x ORDER BY x;

-- @differs rows: NaN is the largest number, in min and max as in ORDER BY
SELECT max(x) AS a, min(x) AS b FROM (VALUES (1.5), (0.0 / 0.0), (2.5)) t(x);

-- @ours one of the aggregates of the engine
SELECT kurtosis_pop(value) AS k FROM measures WHERE name = 'loop_float';

SELECT array_agg(x ORDER BY x DESC) AS l FROM (VALUES (1), (NULL), (3)) t(x);

SELECT any_value(exe) IS NOT NULL AS a FROM processes;
