-- Halves of blocks from bulk ingestion; doc.go explains the table.

CREATE TABLE staged (
    block_id       UUID NOT NULL PRIMARY KEY,
    stream_id      UUID NOT NULL,
    process_id     UUID NOT NULL,
    begin_time     BIGINT,
    end_time       BIGINT,
    begin_ticks    BIGINT,
    end_ticks      BIGINT,
    objects        BIGINT,
    object_offset  BIGINT,
    payload_size   BIGINT,
    insert_time    BIGINT,
    segment        TEXT,
    segment_offset BIGINT,
    segment_size   BIGINT,
    checksum       BIGINT,
    payload        BYTEA,
    staged_at      BIGINT NOT NULL,
    CHECK (insert_time IS NOT NULL OR segment IS NOT NULL),
    CHECK (segment IS NULL OR (segment = '') = (payload IS NOT NULL))
);
CREATE INDEX staged_segment ON staged (segment) WHERE segment <> '';
