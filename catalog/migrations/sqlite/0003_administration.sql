-- What administrators need; doc.go explains the tables.

-- Which blocks a partition was made from, for listing and for rules of age: the smallest and largest insert time of its
-- members, and the sum of their objects. Partitions from before keep 0 until maintenance has looked at their members, some at a
-- time: that is too much for a transaction in which nobody else can write.
ALTER TABLE partitions ADD COLUMN min_insert INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN max_insert INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN objects INTEGER NOT NULL DEFAULT 0;

-- Blocks whose rows were deleted from a view on purpose while another view still holds them.
CREATE TABLE dropped (
    view_name TEXT NOT NULL CHECK (view_name <> ''),
    block_no  INTEGER NOT NULL,
    PRIMARY KEY (view_name, block_no)
) STRICT, WITHOUT ROWID;

-- Segments from which blocks were deleted.
CREATE TABLE segment_waste (
    segment TEXT NOT NULL PRIMARY KEY CHECK (segment <> ''),
    freed   INTEGER NOT NULL,
    erase   INTEGER NOT NULL CHECK (erase IN (0, 1)),
    since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_waste_since ON segment_waste (since);

CREATE TABLE query_denials (
    rule_id     BLOB NOT NULL PRIMARY KEY,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    match_expr  TEXT NOT NULL,
    last_hit_at INTEGER
) STRICT;
