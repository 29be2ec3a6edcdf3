-- What administrators need; doc.go explains the tables.

-- Which blocks a partition was made from, for listing and for rules of age: the smallest and largest insert time of its
-- members, and the sum of their objects.
ALTER TABLE partitions ADD COLUMN min_insert INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN max_insert INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN objects INTEGER NOT NULL DEFAULT 0;
UPDATE partitions SET
    min_insert = COALESCE((SELECT MIN(b.insert_time) FROM members m JOIN blocks b ON b.block_no = m.block_no
                           WHERE m.partition_no = partitions.partition_no), created),
    max_insert = COALESCE((SELECT MAX(b.insert_time) FROM members m JOIN blocks b ON b.block_no = m.block_no
                           WHERE m.partition_no = partitions.partition_no), created),
    objects    = COALESCE((SELECT SUM(b.objects) FROM members m JOIN blocks b ON b.block_no = m.block_no
                           WHERE m.partition_no = partitions.partition_no), 0);

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
