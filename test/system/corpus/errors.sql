-- What must be refused, and with which words.

-- @error nope
SELECT nope FROM log_entries;

-- @error nothing
SELECT * FROM nothing;

-- @error no_such_function
SELECT no_such_function(1);

-- @error line 1, column
SELECT FROM WHERE;

-- @error async_events
SELECT * FROM async_events;

-- @error "nope"
SELECT l.nope FROM log_entries l;

-- @error "x" not found
SELECT x.level FROM log_entries l;

-- @error GROUP BY
SELECT level, count(*) FROM log_entries;

-- @error aggregate
SELECT level FROM log_entries WHERE count(*) > 1;

-- @error upper
SELECT upper();

-- @error function
SELECT sum(msg) FROM log_entries;

-- @error Ambiguous
SELECT process_id FROM log_entries, processes;

-- @error columns
SELECT 1, 2 UNION ALL SELECT 1;

-- @error only one statement
SELECT 1; SELECT 2;

-- @error unit
SELECT date_trunc('fortnight', time) FROM log_entries;

-- @error INTERVAL
SELECT date_bin('nonsense', time) FROM log_entries;

-- @error than one row
SELECT (SELECT level FROM log_entries);

-- @error convert
SELECT count(*) FROM log_entries WHERE level = 'abc';

-- @error missing )
SELECT regexp_like('a', '(');

-- @error has no end
SELECT 'open;
