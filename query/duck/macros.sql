CREATE MACRO now() AS make_timestamp_ns(epoch_ns(get_current_timestamp()));
CREATE MACRO date_bin
  (width, t) AS time_bucket(width::INTERVAL, t::TIMESTAMP, TIMESTAMP '1970-01-01')::TIMESTAMP_NS,
  (width, t, origin) AS time_bucket(width::INTERVAL, t::TIMESTAMP, origin::TIMESTAMP)::TIMESTAMP_NS;
CREATE MACRO date_trunc(unit, t) AS system.main.date_trunc(unit, t::TIMESTAMP)::TIMESTAMP_NS;
CREATE MACRO date_part(unit, t) AS CASE WHEN unit IS NULL OR t IS NULL THEN NULL
  ELSE coalesce(system.main.date_part(unit, t), error('date_part: the time is infinite')) END;
CREATE MACRO datepart(unit, t) AS CASE WHEN unit IS NULL OR t IS NULL THEN NULL
  ELSE coalesce(system.main.date_part(unit, t), error('date_part: the time is infinite')) END;
CREATE MACRO nanosecond(t) AS CASE WHEN t IS NULL THEN NULL
  ELSE coalesce(system.main.nanosecond(t), error('date_part: the time is infinite')) END;
CREATE MACRO encode(b, form) AS CASE form
  WHEN 'hex' THEN lower(hex(b))
  WHEN 'base64' THEN rtrim(base64(b), '=')
  ELSE error('encode knows hex and base64') END;
CREATE MACRO decode(s, form) AS CASE form
  WHEN 'hex' THEN unhex(s)
  WHEN 'base64' THEN from_base64(rtrim(s, '=') || repeat('=', (4 - length(rtrim(s, '=')) % 4) % 4))
  ELSE error('decode knows hex and base64') END;
CREATE MACRO date_bin_nanos
  (width, t) AS make_timestamp_ns(epoch_ns(t::TIMESTAMP_NS) - ((epoch_ns(t::TIMESTAMP_NS) % width) + width) % width),
  (width, t, origin) AS make_timestamp_ns(epoch_ns(t::TIMESTAMP_NS)
    - (((epoch_ns(t::TIMESTAMP_NS) - epoch_ns(origin::TIMESTAMP_NS)) % width) + width) % width);
CREATE MACRO datetrunc(unit, t) AS system.main.date_trunc(unit, t::TIMESTAMP)::TIMESTAMP_NS;
CREATE MACRO duration_of(x, unit) AS trunc(x)::BIGINT * unit;
CREATE MACRO from_unixtime(x) AS to_timestamp_seconds(x::BIGINT);
CREATE MACRO to_unixtime
  (x) AS epoch_ns(timestamp_of(x)) / 1000000000::BIGINT,
  (x, form) AS epoch_ns(timestamp_of(x, form)) / 1000000000::BIGINT;
CREATE MACRO to_date
  (x) AS x::DATE,
  (x, form) AS timestamp_of(x, form)::DATE;
CREATE MACRO to_local_time(t) AS t::TIMESTAMP_NS;
CREATE MACRO uuid_text() AS uuid()::VARCHAR;
CREATE MACRO signum(x) AS sign(x::DOUBLE)::DOUBLE;
CREATE MACRO iszero(x) AS x = 0;
CREATE MACRO to_hex(x) AS lower(system.main.to_hex(x));
CREATE MACRO substr
  (s, p) AS system.main.substr(s, CASE WHEN p < 1 THEN 1 ELSE p END),
  (s, p, n) AS system.main.substr(s, CASE WHEN p < 1 THEN 1 ELSE p END, CASE WHEN p < 1 AND n + p < 1 THEN 0 WHEN p < 1 THEN n + p - 1 ELSE n END);
CREATE MACRO substring
  (s, p) AS system.main.substr(s, CASE WHEN p < 1 THEN 1 ELSE p END),
  (s, p, n) AS system.main.substr(s, CASE WHEN p < 1 THEN 1 ELSE p END, CASE WHEN p < 1 AND n + p < 1 THEN 0 WHEN p < 1 THEN n + p - 1 ELSE n END);
CREATE MACRO overlay
  (s, new, p) AS substr(s, 1, p - 1) || new || substr(s, p + length(new)),
  (s, new, p, n) AS substr(s, 1, p - 1) || new || substr(s, p + n);
CREATE MACRO find_in_set(s, list) AS coalesce(list_position(string_split(list, ','), s), 0);
CREATE MACRO substr_index(s, d, n) AS CASE
  WHEN n > 0 THEN array_to_string(list_slice(string_split(s, d), 1, n), d)
  WHEN n < 0 THEN array_to_string(list_slice(string_split(s, d), n, -1), d)
  ELSE '' END;
CREATE MACRO string_to_array
  (s, d) AS string_split(s, d),
  (s, d, missing) AS list_transform(string_split(s, d), lambda e: CASE WHEN e = missing THEN NULL ELSE e END);
CREATE MACRO array_to_string
  (l, d) AS CASE WHEN l IS NULL OR d IS NULL THEN NULL ELSE coalesce(list_aggregate(l::VARCHAR[], 'string_agg', d), '') END,
  (l, d, missing) AS CASE WHEN l IS NULL OR d IS NULL THEN NULL
    ELSE coalesce(list_aggregate(list_transform(l::VARCHAR[], lambda e: coalesce(e, missing)), 'string_agg', d), '') END;
CREATE MACRO array_sum(l) AS list_sum(l)::DOUBLE;
CREATE MACRO list_empty(l) AS len(l) = 0;
CREATE MACRO list_union(l, m) AS list_sort(list_distinct(list_concat(l, m)));
CREATE MACRO list_except(l, m) AS list_filter(list_sort(list_distinct(l)), lambda e: NOT list_contains(m, e));
CREATE MACRO array_distinct(l) AS list_sort(list_distinct(l));
CREATE MACRO array_ndims(l) AS length(regexp_extract(typeof(l), '(\[\d*\])*$')) / 2;
CREATE MACRO array_positions(l, x) AS list_filter(range(1, len(l) + 1), lambda i: l[i] IS NOT DISTINCT FROM x);
CREATE MACRO array_remove(l, x) AS list_filter(l, lambda e, i: e IS DISTINCT FROM x OR i <> list_position(l, x));
CREATE MACRO array_remove_n(l, x, n) AS list_filter(l, lambda e, i:
  e IS DISTINCT FROM x OR len(list_filter(list_slice(l, 1, i), lambda f: f IS NOT DISTINCT FROM x)) > n);
CREATE MACRO array_remove_all(l, x) AS list_filter(l, lambda e: e IS DISTINCT FROM x);
CREATE MACRO array_replace(l, x, y) AS list_transform(l, lambda e, i: CASE WHEN i = list_position(l, x) THEN y ELSE e END);
CREATE MACRO array_replace_all(l, x, y) AS list_transform(l, lambda e: CASE WHEN e IS NOT DISTINCT FROM x THEN y ELSE e END);
CREATE MACRO array_repeat(x, n) AS list_transform(range(n), lambda i: x);
CREATE MACRO bounded_resize
  (l, n) AS list_transform(range(1, n + 1), lambda i: l[i]),
  (l, n, fill) AS list_transform(range(1, n + 1), lambda i: CASE WHEN i <= len(l) THEN l[i] ELSE fill END);
CREATE MACRO timezone(zone, t) AS CASE
  WHEN upper(zone) IN ('UTC', 'Z', '+00:00', '+00', 'GMT', 'ETC/UTC') THEN t::TIMESTAMP_NS
  ELSE error('AT TIME ZONE: all time is in UTC here, and no other zone is known')::TIMESTAMP_NS END;
CREATE MACRO nanvl(a, b) AS CASE WHEN isnan(a) THEN b ELSE a END;
CREATE MACRO nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END;
CREATE MACRO arrow_typeof(x) AS CASE typeof(x)
  WHEN 'VARCHAR' THEN 'Utf8' WHEN 'BLOB' THEN 'Binary' WHEN 'BOOLEAN' THEN 'Boolean'
  WHEN 'TINYINT' THEN 'Int8' WHEN 'SMALLINT' THEN 'Int16' WHEN 'INTEGER' THEN 'Int32' WHEN 'BIGINT' THEN 'Int64' WHEN 'HUGEINT' THEN 'Int64'
  WHEN 'UTINYINT' THEN 'UInt8' WHEN 'USMALLINT' THEN 'UInt16' WHEN 'UINTEGER' THEN 'UInt32' WHEN 'UBIGINT' THEN 'UInt64'
  WHEN 'FLOAT' THEN 'Float32' WHEN 'DOUBLE' THEN 'Float64' WHEN 'DATE' THEN 'Date32' WHEN 'INTERVAL' THEN 'Interval(MonthDayNano)'
  WHEN 'TIME' THEN 'Time64(ns)'
  WHEN 'TIMESTAMP' THEN 'Timestamp(ns, "+00:00")' WHEN 'TIMESTAMP_NS' THEN 'Timestamp(ns, "+00:00")'
  WHEN 'VARCHAR[]' THEN 'List(Utf8)' WHEN 'BLOB[]' THEN 'List(Binary)' WHEN 'BIGINT[]' THEN 'List(Int64)'
  WHEN 'DOUBLE[]' THEN 'List(Float64)' WHEN '"NULL"' THEN 'Null'
  ELSE CASE WHEN typeof(x) LIKE 'DECIMAL(%' THEN 'Decimal128' || system.main.replace(system.main.substr(typeof(x), 8), ',', ', ') ELSE typeof(x) END END;
CREATE MACRO replace(s, old, new) AS CASE
  WHEN strlen(s)::BIGINT * (strlen(new) + 1) > 268435456 THEN error('replace: the text could become too long')
  ELSE system.main.replace(s, old, new) END;
CREATE MACRO range
  (n) AS CASE WHEN n > 1000000 THEN error('range: a list has at most 1000000 elements here') ELSE system.main.range(n) END,
  (a, b) AS CASE WHEN b - a > 1000000 THEN error('range: a list has at most 1000000 elements here') ELSE system.main.range(a, b) END,
  (a, b, s) AS CASE
    WHEN s <> 0 AND (b - a) / s > 1000000 THEN error('range: a list has at most 1000000 elements here')
    ELSE system.main.range(a, b, s) END;
CREATE MACRO generate_series
  (n) AS CASE WHEN n > 1000000 THEN error('generate_series: a list has at most 1000000 elements here') ELSE system.main.generate_series(n) END,
  (a, b) AS CASE WHEN b - a > 1000000 THEN error('generate_series: a list has at most 1000000 elements here') ELSE system.main.generate_series(a, b) END,
  (a, b, s) AS CASE
    WHEN s <> 0 AND (b - a) / s > 1000000 THEN error('generate_series: a list has at most 1000000 elements here')
    ELSE system.main.generate_series(a, b, s) END;
CREATE MACRO expanded_center(e) AS struct_extract(e, 'bin_center');
CREATE MACRO expanded_count(e) AS struct_extract(e, 'count');
