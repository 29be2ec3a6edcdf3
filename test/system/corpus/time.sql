-- Times, dates, intervals and durations.

SELECT TIMESTAMP '2026-01-02T03:04:05.123456789' AS a, TIMESTAMP '2026-01-02 03:04:05' AS b, TIMESTAMP '2026-01-02' AS c;

SELECT TIMESTAMP '2026-01-02T03:04:05Z' AS a, TIMESTAMP '2026-01-02T03:04:05+02:00' AS b;

SELECT CAST('2026-01-02T03:04:05.123456789Z' AS TIMESTAMP) AS a, CAST('2026-01-02T03:04:05-05:00' AS TIMESTAMP) AS b, '2026-01-02'::timestamp AS c;

SELECT CAST('2026-01-02' AS DATE) AS a, DATE '2026-02-28' AS b, '2026-03-01'::date AS c;

SELECT DATE '2026-03-01' - DATE '2026-02-01' AS days;

SELECT DATE '2026-01-31' + INTERVAL '1 month' AS a, DATE '2026-01-31' - INTERVAL '1 day' AS b;

SELECT TIMESTAMP '2026-01-31T00:00:00.000000001' + INTERVAL '1 month' AS a, TIMESTAMP '2026-03-31T00:00:00.000000001' - INTERVAL '1 month' AS b;

SELECT TIMESTAMP '2026-01-02T00:00:00' - TIMESTAMP '2026-01-01T00:00:00' AS d;

SELECT time - INTERVAL '1 day' AS a, time + INTERVAL '1 hour' AS b FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT time + INTERVAL '1 month' AS a, time - INTERVAL '1 year' AS b, time + INTERVAL '1 week' AS c FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT time + INTERVAL '1 millisecond' AS a, time + INTERVAL '1 microsecond' AS b, time + INTERVAL '5 nanoseconds' AS c FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT time - TIMESTAMP '2026-11-24T02:22:43' AS d FROM log_entries WHERE process_id = '{process}' ORDER BY d LIMIT 3;

SELECT max(time) - min(time) AS d, CAST(max(time) - min(time) AS BIGINT) AS ns, arrow_cast(max(time) - min(time), 'Int64') AS i FROM log_entries WHERE process_id = '{process}';

SELECT count(*) AS n FROM log_entries WHERE time - TIMESTAMP '2026-11-24T02:22:43' > INTERVAL '50 milliseconds' AND process_id = '{process}';

SELECT extract(year FROM time) AS y, extract(month FROM time) AS m, extract(day FROM time) AS d, extract(hour FROM time) AS h, extract(minute FROM time) AS mi, extract(second FROM time) AS s FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT date_part('year', time) AS y, date_part('dow', time) AS dow, date_part('doy', time) AS doy, date_part('week', time) AS w, date_part('quarter', time) AS q FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT date_part('epoch', time) AS e FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT date_part('millisecond', time) AS ms, date_part('microsecond', time) AS us, date_part('nanosecond', time) AS ns FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT date_part('second', TIMESTAMP '2026-01-01T00:00:59.987654321') AS s;

SELECT date_part('isodow', DATE '2026-01-04') AS a, date_part('dow', DATE '2026-01-04') AS b, date_part('year', DATE '2026-01-04') AS c;

SELECT date_trunc('second', time) AS a, date_trunc('minute', time) AS b, date_trunc('hour', time) AS c, date_trunc('day', time) AS d, date_trunc('week', time) AS e, date_trunc('month', time) AS f, date_trunc('quarter', time) AS g, date_trunc('year', time) AS h FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT date_trunc('millisecond', time) AS a, date_trunc('microsecond', time) AS b FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT datetrunc('hour', TIMESTAMP '2026-01-02T03:04:05') AS a, date_trunc('HOUR', TIMESTAMP '2026-01-02T03:04:05') AS b, date_trunc('month', DATE '2026-01-17') AS c;

SELECT date_bin(INTERVAL '15 minutes', TIMESTAMP '2026-01-02T03:44:05') AS a, date_bin(INTERVAL '1 week', TIMESTAMP '2026-01-02T03:44:05') AS b, date_bin(INTERVAL '7 minute', TIMESTAMP '2026-01-02T03:44:05') AS c;

SELECT date_bin(INTERVAL '1 month', TIMESTAMP '2026-01-17T03:44:05') AS a, date_bin(INTERVAL '3 months', TIMESTAMP '2026-05-17T03:44:05') AS b, date_bin(INTERVAL '1 year', TIMESTAMP '2026-05-17T03:44:05') AS c;

SELECT date_bin(INTERVAL '1 hour', TIMESTAMP '2026-01-02T03:44:05', TIMESTAMP '2026-01-01T00:30:00') AS a, date_bin('15 minutes', TIMESTAMP '2026-01-02T03:44:05', '2020-01-01') AS b;

SELECT date_bin('1 minute', TIMESTAMP '1969-12-31T23:59:30') AS a, date_bin('1 day', TIMESTAMP '1960-06-01T12:00:00') AS b;

SELECT date_bin('10 milliseconds', time) AS t, count(*) AS n FROM log_entries WHERE process_id = '{process}' GROUP BY t ORDER BY t;

SELECT date_bin('100 microseconds', time) AS t, count(*) AS n FROM log_entries WHERE process_id = '{process}' GROUP BY t ORDER BY t LIMIT 5;

SELECT date_bin(INTERVAL '500 nanoseconds', time) AS t, count(*) AS n FROM log_entries WHERE process_id = '{process}' GROUP BY t ORDER BY t LIMIT 5;

SELECT date_bin('1 hour 30 minutes', time) AS t, count(*) AS n FROM log_entries GROUP BY t ORDER BY t;

SELECT count(*) AS n FROM log_entries WHERE time = '2026-11-24T02:22:43.013530852Z';

SELECT count(*) AS n FROM log_entries WHERE time > '2026-11-24T02:22:43.013530852Z' AND time < '2026-11-24T02:22:43.096247905Z';

SELECT count(*) AS n FROM log_entries WHERE time >= '2026-11-24' AND time < '2026-11-25';

SELECT count(*) AS n FROM log_entries WHERE time >= '2026-11-24 02:22:43' AND '2026-11-24 02:22:44' >= time;

SELECT count(*) AS n FROM log_entries WHERE time >= TIMESTAMP '2026-11-24T03:22:43+01:00';

SELECT count(*) AS n FROM log_entries WHERE time >= '2026-11-23T21:22:43-05:00';

SELECT count(*) AS n FROM log_entries WHERE time IN ('2026-11-24T02:22:43.013530852Z', '2026-03-01T12:00:00.5001Z');

SELECT count(*) AS n FROM log_entries WHERE time >= DATE '2026-11-24';

SELECT count(*) AS n FROM log_entries WHERE CAST(time AS DATE) = '2026-11-24';

SELECT CAST(time AS DATE) AS d, count(*) AS n FROM log_entries GROUP BY d ORDER BY d;

SELECT time::date AS d, time::varchar AS v FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT CAST(TIMESTAMP '2026-01-02T03:04:05.120' AS VARCHAR) AS a, CAST(DATE '2026-01-02' AS VARCHAR) AS b, CAST(TIMESTAMP '2026-01-02' AS VARCHAR) AS c;

SELECT CAST(time AS BIGINT) AS ns FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT to_timestamp('2026-01-02T03:04:05Z') AS a, to_timestamp('2026-01-02 03:04:05.123456789') AS b, to_timestamp(1700000000) AS c;

SELECT to_timestamp(1700000000.5) AS a, to_timestamp(0) AS b, to_timestamp(-1) AS c;

-- @differs types: times are nanoseconds whatever the function, because the Grafana plugin reads every time so
SELECT to_timestamp_seconds(1700000000) AS a, to_timestamp_millis(1700000000123) AS b, to_timestamp_micros(1700000000123456) AS c, to_timestamp_nanos(1700000000123456789) AS d;

-- @differs types: times are nanoseconds whatever the function, because the Grafana plugin reads every time so
SELECT to_timestamp_seconds('2026-01-02T03:04:05.9Z') AS a, to_timestamp_millis('2026-01-02T03:04:05.9876Z') AS b, to_timestamp_micros('2026-01-02T03:04:05.9876543Z') AS c, to_timestamp_nanos('2026-01-02T03:04:05.987654321Z') AS d;

SELECT to_timestamp('02/01/2026 03:04', '%d/%m/%Y %H:%M') AS a;

-- @differs types: times are nanoseconds whatever the function, because the Grafana plugin reads every time so
SELECT from_unixtime(1700000000) AS a;

SELECT to_unixtime('2026-01-02T03:04:05Z') AS a, to_unixtime(TIMESTAMP '2026-01-02T03:04:05') AS b;

SELECT to_date('2026-01-02') AS a, make_date(2026, 1, 2) AS b;

SELECT to_char(TIMESTAMP '2026-01-02T03:04:05.123', '%Y-%m-%d %H:%M:%S') AS a, date_format(DATE '2026-01-02', '%d.%m.%Y') AS b, to_char(time, '%H:%M:%S%.f') AS c FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT to_char(time, '%Y-%m-%dT%H:%M:%S%.3f') AS a, to_char(time, '%j %a %b %e %I %p') AS b FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT now() > TIMESTAMP '2020-01-01' AS a, current_timestamp > '2020-01-01T00:00:00Z' AS b, now() = now() AS c, current_date >= '2020-01-01' AS d;

SELECT now() - now() AS zero, now() - INTERVAL '1 day' < now() AS b;

SELECT count(*) AS n FROM log_entries WHERE time < now() + INTERVAL '100 years' AND time > now() - INTERVAL '100 years';

SELECT INTERVAL '1 day' AS a, INTERVAL '1 month 2 days 3 hours' AS b, INTERVAL '90 seconds' AS c;

SELECT INTERVAL '1' DAY AS a, INTERVAL 5 MINUTE AS b;

-- @ours an interval times a number
SELECT INTERVAL '1 day' + INTERVAL '2 hours' AS a, INTERVAL '1 hour' * 3 AS b;

SELECT INTERVAL '1 hour' > INTERVAL '30 minutes' AS a, INTERVAL '60 minutes' = INTERVAL '1 hour' AS b;

SELECT begin, "end", "end" - begin AS d, duration FROM view_instance('thread_spans', '{stream}') ORDER BY id;

SELECT "end" - begin > INTERVAL '1 microsecond' AS long, count(*) AS n FROM view_instance('thread_spans', '{stream}') GROUP BY long ORDER BY long;

SELECT sum(CAST("end" - begin AS BIGINT)) AS total, max("end" - begin) AS longest, min("end" - begin) AS shortest FROM view_instance('thread_spans', '{stream}');

SELECT avg(CAST("end" - begin AS DOUBLE)) AS mean FROM view_instance('thread_spans', '{stream}');

-- @ours a duration divided by a number is a number
SELECT ("end" - begin) / 2 AS half FROM view_instance('thread_spans', '{stream}') ORDER BY id LIMIT 2;

SELECT time, lag(time) OVER (ORDER BY time, msg) AS previous, time - lag(time) OVER (ORDER BY time, msg) AS gap FROM log_entries WHERE process_id = '{process}' ORDER BY time, msg LIMIT 5;

SELECT date_trunc('second', min(time)) AS a, date_bin('1 second', max(time)) AS b FROM measures;

-- @error time
SELECT count(*) FROM log_entries WHERE time >= 'invalid-timestamp';

SELECT extract(epoch FROM TIMESTAMP '1970-01-01T00:00:01.5') AS e, extract(dow FROM TIMESTAMP '2026-01-04') AS d;

SELECT date_part('hour', INTERVAL '5 hours') AS h;

SELECT min(time) AS a, max(insert_time) > min(time) AS b FROM log_entries;

-- @differs types: the zone of times is always written +00:00
SELECT time AT TIME ZONE 'UTC' AS t FROM log_entries WHERE level = 1 ORDER BY time, msg;

SELECT generate_series AS g FROM (SELECT unnest(generate_series(1, 4)) AS generate_series);

SELECT TIME '12:34:56' AS t, CAST('01:02:03' AS TIME) AS u;

SELECT to_local_time(TIMESTAMP '2026-01-02T03:04:05') AS t;

SELECT TIMESTAMP '2026-01-02T03:04:05.5' = TIMESTAMP '2026-01-02T03:04:05.500' AS a, TIMESTAMP '2026-01-02' < TIMESTAMP '2026-01-03' AS b;

SELECT date_bin(INTERVAL '0 seconds', TIMESTAMP '2026-01-02') IS NULL AS x WHERE false;
