-- The first schema; doc.go explains every table. Times are nanoseconds since 1970, ids 16 bytes.

CREATE TABLE processes (
    process_id    UUID NOT NULL PRIMARY KEY,
    exe           TEXT NOT NULL,
    username      TEXT NOT NULL,
    realname      TEXT NOT NULL,
    computer      TEXT NOT NULL,
    distro        TEXT NOT NULL,
    cpu_brand     TEXT NOT NULL,
    tsc_frequency BIGINT NOT NULL,
    start_time    BIGINT NOT NULL,
    start_ticks   BIGINT NOT NULL,
    parent_id     UUID,
    properties    TEXT NOT NULL,
    insert_time   BIGINT NOT NULL
);
CREATE INDEX processes_insert_time ON processes (insert_time);

CREATE TABLE process_activity (
    process_id     UUID NOT NULL PRIMARY KEY,
    last_update    BIGINT NOT NULL,
    last_end_ticks BIGINT NOT NULL,
    last_end_time  BIGINT NOT NULL,
    blocks         BIGINT NOT NULL
);

CREATE TABLE streams (
    stream_id             UUID NOT NULL PRIMARY KEY,
    process_id            UUID NOT NULL,
    dependencies_metadata BYTEA NOT NULL,
    objects_metadata      BYTEA NOT NULL,
    tags                  TEXT NOT NULL,
    properties            TEXT NOT NULL,
    format                TEXT NOT NULL,
    insert_time           BIGINT NOT NULL
);
CREATE INDEX streams_process ON streams (process_id);
CREATE INDEX streams_insert_time ON streams (insert_time);

CREATE TABLE stream_tags (
    stream_id UUID NOT NULL,
    tag       TEXT NOT NULL,
    PRIMARY KEY (stream_id, tag)
);

CREATE TABLE stream_feeds (
    stream_id UUID NOT NULL,
    view_name TEXT NOT NULL,
    PRIMARY KEY (stream_id, view_name)
);

CREATE TABLE stream_activity (
    stream_id   UUID NOT NULL PRIMARY KEY,
    last_update BIGINT NOT NULL,
    blocks      BIGINT NOT NULL
);

CREATE TABLE blocks (
    block_no       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    block_id       UUID NOT NULL UNIQUE,
    stream_id      UUID NOT NULL,
    process_id     UUID NOT NULL,
    begin_time     BIGINT NOT NULL,
    end_time       BIGINT NOT NULL,
    begin_ticks    BIGINT NOT NULL,
    end_ticks      BIGINT NOT NULL,
    objects        BIGINT NOT NULL,
    object_offset  BIGINT NOT NULL,
    payload_size   BIGINT NOT NULL,
    insert_time    BIGINT NOT NULL,
    segment        TEXT NOT NULL,
    segment_offset BIGINT NOT NULL,
    segment_size   BIGINT NOT NULL,
    payload        BYTEA,
    CHECK ((segment = '') = (payload IS NOT NULL))
);
CREATE INDEX blocks_insert_time ON blocks (insert_time);
CREATE INDEX blocks_stream ON blocks (stream_id, end_time);
CREATE INDEX blocks_process ON blocks (process_id, end_time);
CREATE INDEX blocks_segment ON blocks (segment) WHERE segment <> '';

CREATE TABLE pending (
    view_name   TEXT NOT NULL,
    block_no    BIGINT NOT NULL,
    owner       UUID,
    expires     BIGINT,
    attempts    BIGINT NOT NULL DEFAULT 0,
    last_error  TEXT NOT NULL DEFAULT '',
    quarantined BIGINT NOT NULL DEFAULT 0 CHECK (quarantined IN (0, 1)),
    PRIMARY KEY (view_name, block_no),
    CHECK ((owner IS NULL) = (expires IS NULL))
);

CREATE TABLE partitions (
    partition_no   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition_id   UUID NOT NULL UNIQUE,
    view_name      TEXT NOT NULL CHECK (view_name <> ''),
    file           TEXT NOT NULL,
    size           BIGINT NOT NULL,
    row_count      BIGINT NOT NULL,
    min_time       BIGINT NOT NULL,
    max_time       BIGINT NOT NULL,
    schema_version BIGINT NOT NULL,
    level          BIGINT NOT NULL,
    blocks         BIGINT NOT NULL,
    created        BIGINT NOT NULL,
    owner          UUID,
    expires        BIGINT,
    retired_at     BIGINT,
    CHECK ((owner IS NULL) = (expires IS NULL)),
    CHECK (file <> '' OR row_count = 0)
);
CREATE INDEX partitions_live ON partitions (view_name, level, partition_no) WHERE retired_at IS NULL;
CREATE INDEX partitions_retired ON partitions (retired_at) WHERE retired_at IS NOT NULL;
CREATE UNIQUE INDEX partitions_file ON partitions (file) WHERE file <> '';

CREATE TABLE members (
    view_name    TEXT NOT NULL CHECK (view_name <> ''),
    block_no     BIGINT NOT NULL,
    partition_no BIGINT NOT NULL,
    PRIMARY KEY (view_name, block_no)
);
CREATE INDEX members_partition ON members (partition_no);
