CREATE MACRO now() AS make_timestamp_ns(epoch_ns(get_current_timestamp()));
CREATE MACRO date_bin
  (width, t) AS time_bucket(width::INTERVAL, t::TIMESTAMP, TIMESTAMP '1970-01-01')::TIMESTAMP_NS,
  (width, t, origin) AS time_bucket(width::INTERVAL, t::TIMESTAMP, origin::TIMESTAMP)::TIMESTAMP_NS;
CREATE MACRO date_trunc(unit, t) AS system.main.date_trunc(unit, t::TIMESTAMP)::TIMESTAMP_NS;
CREATE MACRO encode(b, form) AS CASE form
  WHEN 'hex' THEN lower(hex(b))
  WHEN 'base64' THEN rtrim(base64(b), '=')
  ELSE error('encode knows hex and base64') END;
CREATE MACRO decode(s, form) AS CASE form
  WHEN 'hex' THEN unhex(s)
  WHEN 'base64' THEN from_base64(rtrim(s, '=') || repeat('=', (4 - length(rtrim(s, '=')) % 4) % 4))
  ELSE error('decode knows hex and base64') END;
CREATE MACRO nanvl(a, b) AS CASE WHEN isnan(a) THEN b ELSE a END;
CREATE MACRO nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END;
CREATE MACRO to_timestamp(x) AS x::TIMESTAMP_NS;
CREATE MACRO to_timestamp_nanos(x) AS make_timestamp_ns(x::BIGINT);
CREATE MACRO to_timestamp_micros(x) AS make_timestamp_ns(x::BIGINT * 1000);
CREATE MACRO to_timestamp_millis(x) AS make_timestamp_ns(x::BIGINT * 1000000);
CREATE MACRO to_timestamp_seconds(x) AS make_timestamp_ns(x::BIGINT * 1000000000);
CREATE MACRO arrow_typeof(x) AS CASE typeof(x)
  WHEN 'VARCHAR' THEN 'Utf8' WHEN 'BLOB' THEN 'Binary' WHEN 'BOOLEAN' THEN 'Boolean'
  WHEN 'TINYINT' THEN 'Int8' WHEN 'SMALLINT' THEN 'Int16' WHEN 'INTEGER' THEN 'Int32' WHEN 'BIGINT' THEN 'Int64' WHEN 'HUGEINT' THEN 'Int64'
  WHEN 'UTINYINT' THEN 'UInt8' WHEN 'USMALLINT' THEN 'UInt16' WHEN 'UINTEGER' THEN 'UInt32' WHEN 'UBIGINT' THEN 'UInt64'
  WHEN 'FLOAT' THEN 'Float32' WHEN 'DOUBLE' THEN 'Float64' WHEN 'DATE' THEN 'Date32' WHEN 'INTERVAL' THEN 'Interval(MonthDayNano)'
  WHEN 'TIMESTAMP' THEN 'Timestamp(ns, "+00:00")' WHEN 'TIMESTAMP_NS' THEN 'Timestamp(ns, "+00:00")'
  WHEN 'VARCHAR[]' THEN 'List(Utf8)' WHEN 'BLOB[]' THEN 'List(Binary)' WHEN 'BIGINT[]' THEN 'List(Int64)'
  WHEN 'DOUBLE[]' THEN 'List(Float64)' WHEN '"NULL"' THEN 'Null'
  ELSE CASE WHEN typeof(x) LIKE 'DECIMAL%' THEN 'Float64' ELSE typeof(x) END END;
CREATE MACRO replace(s, old, new) AS CASE
  WHEN strlen(s)::BIGINT * (strlen(new) + 1) > 268435456 THEN error('replace: the text could become too long')
  ELSE system.main.replace(s, old, new) END;
CREATE MACRO range
  (n) AS CASE WHEN n > 1000000 THEN error('range: a list has at most 1000000 elements here') ELSE system.main.range(n) END,
  (a, b) AS CASE WHEN b - a > 1000000 THEN error('range: a list has at most 1000000 elements here') ELSE system.main.range(a, b) END;
CREATE MACRO generate_series
  (n) AS CASE WHEN n > 1000000 THEN error('generate_series: a list has at most 1000000 elements here') ELSE system.main.generate_series(n) END,
  (a, b) AS CASE WHEN b - a > 1000000 THEN error('generate_series: a list has at most 1000000 elements here') ELSE system.main.generate_series(a, b) END;
CREATE MACRO expanded_center(e) AS struct_extract(e, 'bin_center');
CREATE MACRO expanded_count(e) AS struct_extract(e, 'count');
