-- What there is: information_schema, SHOW, DESCRIBE, EXPLAIN.

SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name IN ('log_entries', 'measures', 'processes', 'streams', 'blocks') ORDER BY table_name;

SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables WHERE table_name = 'log_entries';

SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'log_entries' ORDER BY ordinal_position;

SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'blocks' ORDER BY ordinal_position;

SELECT * FROM information_schema.columns WHERE table_name = 'measures' AND column_name IN ('value', 'time', 'name') ORDER BY ordinal_position;

-- @differs rows: information_schema is listed too
SELECT catalog_name, schema_name FROM information_schema.schemata ORDER BY schema_name;

SELECT * FROM information_schema.views WHERE table_name = 'nothing';

SELECT * FROM information_schema.tables WHERE table_name = 'measures';

DESCRIBE log_entries;

DESCRIBE processes;

DESCRIBE streams;

DESC measures;

SHOW COLUMNS FROM measures;

SHOW COLUMNS IN blocks;

-- @error not found
DESCRIBE nothing;

-- @differs rows: the plan is the engine's
EXPLAIN SELECT count(*) FROM log_entries;
