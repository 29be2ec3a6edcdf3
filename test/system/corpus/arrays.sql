-- Arrays, structs and dictionaries.

-- @differs types: an empty list has elements of a type that clients can read
SELECT make_array(1, 2, 3) AS a, [1, 2, 3] AS b, make_array('x', 'y') AS c, [] AS d;

SELECT tags, array_length(tags) AS n, array_has(tags, 'log') AS h, array_position(tags, 'log') AS p FROM streams ORDER BY stream_id;

SELECT tags[1] AS first, tags[2] AS second, tags[-1] AS last FROM streams ORDER BY stream_id;

SELECT cardinality(tags) AS c, array_to_string(tags, '+') AS s, array_ndims(tags) AS d FROM streams ORDER BY stream_id;

SELECT stream_id, unnest(tags) AS tag FROM streams ORDER BY stream_id, tag;

SELECT unnest(make_array(1, 2, 3)) AS x;

SELECT unnest([1, NULL, 3]) AS x;

SELECT tag, count(*) AS n FROM (SELECT unnest(tags) AS tag FROM streams) GROUP BY tag ORDER BY tag;

SELECT count(*) AS n FROM streams WHERE array_has(tags, 'cpu');

SELECT count(*) AS n FROM streams WHERE array_has_any(tags, make_array('cpu', 'log')) AND array_has_all(tags, ['log']);

SELECT count(*) AS n FROM streams WHERE 'cpu' = ANY(tags);

SELECT array_append([1, 2], 3) AS a, array_prepend(0, [1, 2]) AS b, array_concat([1], [2, 3]) AS c, array_cat([1], [2]) AS d;

SELECT array_slice([1, 2, 3, 4], 2, 3) AS a, array_element([1, 2, 3], 2) AS b, [1, 2, 3][2] AS c, [1, 2, 3, 4][2:3] AS d;

SELECT array_sort([3, 1, 2]) AS a, array_sort([3, 1, 2], 'DESC') AS b, array_reverse([1, 2, 3]) AS c, array_distinct([1, 1, 2]) AS d;

SELECT array_length([1, 2, 3]) AS a, array_length([]) AS b, cardinality([1, 2]) AS c, empty([]) AS d, array_empty([1]) AS e;

SELECT array_position([1, 2, 1], 1) AS a, array_positions([1, 2, 1], 1) AS b, array_has([1, 2], 3) AS c, list_contains([1, 2], 2) AS d;

SELECT array_remove([1, 2, 1], 1) AS a, array_remove_all([1, 2, 1], 1) AS b, array_replace([1, 2, 1], 1, 9) AS c, array_replace_all([1, 2, 1], 1, 9) AS d;

SELECT array_pop_back([1, 2, 3]) AS a, array_pop_front([1, 2, 3]) AS b, array_repeat(1, 3) AS c, array_resize([1, 2], 4, 0) AS d;

SELECT array_union([1, 2], [2, 3]) AS a, array_intersect([1, 2], [2, 3]) AS b, array_except([1, 2], [2, 3]) AS c;

SELECT array_max([1, 3, 2]) AS a, array_min([3, 1, 2]) AS b, array_any_value([NULL, 2]) AS c;

SELECT flatten([[1, 2], [3]]) AS a, range(1, 4) AS b, generate_series(1, 4) AS c, range(0, 10, 3) AS d;

SELECT array_to_string([1, NULL, 3], ',') AS a, array_to_string([1, NULL, 3], ',', '*') AS b, array_join(['a', 'b'], '-') AS c;

SELECT array_has_any([1, 2], [2, 3]) AS a, array_has_all([1, 2], [2]) AS b, [1, 2] = [1, 2] AS c;

SELECT named_struct('a', 1, 'b', 'x') AS s;

SELECT struct(1, 'x') AS s;

SELECT named_struct('a', 1, 'b', 'x')['a'] AS a, get_field(named_struct('a', 1, 'b', 'x'), 'b') AS b;

SELECT {'a': 1, 'b': 2.5} AS s;

SELECT s.a, s.b FROM (SELECT named_struct('a', 1, 'b', 'x') AS s);

SELECT array_agg(named_struct('l', level, 'n', n) ORDER BY level) AS s FROM (SELECT level, count(*) AS n FROM log_entries GROUP BY level);

SELECT target, count(*) AS n FROM log_entries WHERE target IN ('vec15', 'LogInit') GROUP BY target ORDER BY target;

SELECT target || '!' AS t, coalesce(target, 'none') AS c, nullif(target, 'vec15') AS n FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT CASE WHEN level = 1 THEN target ELSE msg END AS x FROM log_entries WHERE level <= 2 ORDER BY time, msg;

SELECT CASE WHEN level = 1 THEN target END AS x FROM log_entries WHERE level <= 2 ORDER BY time, msg;

SELECT max(target) AS a, min(exe) AS b, first_value(unit ORDER BY time, name) AS c FROM measures;

SELECT m.unit, l.target FROM measures m JOIN log_entries l ON m.process_id = l.process_id WHERE m.name = 'int_metric' AND l.level = 1 ORDER BY l.time;

SELECT map(['a', 'b'], [1, 2]) AS m;

SELECT map {'a': 1} AS m;

SELECT map_keys(map(['a'], [1])) AS k, map_values(map(['a'], [1])) AS v, map_extract(map(['a'], [1]), 'a') AS e;

-- @ours lambdas
SELECT array_transform([1, 2], x -> x + 1) AS a;

-- @ours lambdas
SELECT array_filter([1, 2, 3], x -> x > 1) AS a;

SELECT array_any_value([1, 2]) AS a, list_sort([2, 1]) AS b, list_distinct([1, 1]) AS c;

SELECT string_to_array(target, '::') AS parts, string_to_array(target, '::')[1] AS first FROM log_entries WHERE level <= 2 ORDER BY time, msg;

SELECT array_sum([1, 2, 3]) AS a;

-- @differs rows: structures made in the statement are named as the engine names them
SELECT arrow_typeof(['a']) AS a, arrow_typeof(named_struct('a', 1)) AS b, arrow_typeof(target || 'x') AS c, arrow_typeof(coalesce(target, 'x')) AS d FROM log_entries LIMIT 1;

SELECT value FROM generate_series(1, 5);

SELECT value FROM range(1, 5) ORDER BY value DESC;

SELECT * FROM generate_series(1, 10, 3);

-- @differs names: the column of unnest is called unnest
SELECT * FROM unnest([1, 2, 3]);

SELECT * FROM unnest(['a', 'b']) AS t(x);

-- @ours unnest of a column of the same FROM
SELECT process_id, t.tag FROM streams, unnest(tags) AS t(tag) WHERE process_id = '{process}' ORDER BY t.tag;
