-- Halves of blocks from bulk ingestion; doc.go explains the table.

CREATE TABLE staged (
    block_id       BLOB NOT NULL PRIMARY KEY,
    stream_id      BLOB NOT NULL,
    process_id     BLOB NOT NULL,
    begin_time     INTEGER,
    end_time       INTEGER,
    begin_ticks    INTEGER,
    end_ticks      INTEGER,
    objects        INTEGER,
    object_offset  INTEGER,
    payload_size   INTEGER,
    insert_time    INTEGER,
    segment        TEXT,
    segment_offset INTEGER,
    segment_size   INTEGER,
    checksum       INTEGER,
    payload        BLOB,
    staged_at      INTEGER NOT NULL,
    CHECK (insert_time IS NOT NULL OR segment IS NOT NULL),
    CHECK (segment IS NULL OR (segment = '') = (payload IS NOT NULL))
) STRICT;
CREATE INDEX staged_segment ON staged (segment) WHERE segment <> '';
