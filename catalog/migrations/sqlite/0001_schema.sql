-- The first schema; doc.go explains every table. Times are nanoseconds since 1970, ids 16 bytes.

CREATE TABLE processes (
    process_id    BLOB NOT NULL PRIMARY KEY,
    exe           TEXT NOT NULL,
    username      TEXT NOT NULL,
    realname      TEXT NOT NULL,
    computer      TEXT NOT NULL,
    distro        TEXT NOT NULL,
    cpu_brand     TEXT NOT NULL,
    tsc_frequency INTEGER NOT NULL,
    start_time    INTEGER NOT NULL,
    start_ticks   INTEGER NOT NULL,
    parent_id     BLOB,
    properties    TEXT NOT NULL,
    insert_time   INTEGER NOT NULL
) STRICT;
CREATE INDEX processes_insert_time ON processes (insert_time);

CREATE TABLE process_activity (
    process_id     BLOB NOT NULL PRIMARY KEY,
    last_update    INTEGER NOT NULL,
    last_end_ticks INTEGER NOT NULL,
    last_end_time  INTEGER NOT NULL,
    blocks         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
    stream_id             BLOB NOT NULL PRIMARY KEY,
    process_id            BLOB NOT NULL,
    dependencies_metadata BLOB NOT NULL,
    objects_metadata      BLOB NOT NULL,
    tags                  TEXT NOT NULL,
    properties            TEXT NOT NULL,
    format                TEXT NOT NULL,
    insert_time           INTEGER NOT NULL
) STRICT;
CREATE INDEX streams_process ON streams (process_id);
CREATE INDEX streams_insert_time ON streams (insert_time);

CREATE TABLE stream_tags (
    stream_id BLOB NOT NULL,
    tag       TEXT NOT NULL,
    PRIMARY KEY (stream_id, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_feeds (
    stream_id BLOB NOT NULL,
    view_name TEXT NOT NULL,
    PRIMARY KEY (stream_id, view_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_activity (
    stream_id   BLOB NOT NULL PRIMARY KEY,
    last_update INTEGER NOT NULL,
    blocks      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    block_no       INTEGER PRIMARY KEY,
    block_id       BLOB NOT NULL UNIQUE,
    stream_id      BLOB NOT NULL,
    process_id     BLOB NOT NULL,
    begin_time     INTEGER NOT NULL,
    end_time       INTEGER NOT NULL,
    begin_ticks    INTEGER NOT NULL,
    end_ticks      INTEGER NOT NULL,
    objects        INTEGER NOT NULL,
    object_offset  INTEGER NOT NULL,
    payload_size   INTEGER NOT NULL,
    insert_time    INTEGER NOT NULL,
    segment        TEXT NOT NULL,
    segment_offset INTEGER NOT NULL,
    segment_size   INTEGER NOT NULL,
    payload        BLOB,
    CHECK ((segment = '') = (payload IS NOT NULL))
) STRICT;
CREATE INDEX blocks_insert_time ON blocks (insert_time);
CREATE INDEX blocks_stream ON blocks (stream_id, end_time);
CREATE INDEX blocks_process ON blocks (process_id, end_time);
CREATE INDEX blocks_segment ON blocks (segment) WHERE segment <> '';

CREATE TABLE pending (
    view_name   TEXT NOT NULL,
    block_no    INTEGER NOT NULL,
    owner       BLOB,
    expires     INTEGER,
    attempts    INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT NOT NULL DEFAULT '',
    quarantined INTEGER NOT NULL DEFAULT 0 CHECK (quarantined IN (0, 1)),
    PRIMARY KEY (view_name, block_no),
    CHECK ((owner IS NULL) = (expires IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE partitions (
    partition_no   INTEGER PRIMARY KEY,
    partition_id   BLOB NOT NULL UNIQUE,
    view_name      TEXT NOT NULL CHECK (view_name <> ''),
    file           TEXT NOT NULL,
    size           INTEGER NOT NULL,
    row_count      INTEGER NOT NULL,
    min_time       INTEGER NOT NULL,
    max_time       INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    level          INTEGER NOT NULL,
    blocks         INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    owner          BLOB,
    expires        INTEGER,
    retired_at     INTEGER,
    CHECK ((owner IS NULL) = (expires IS NULL)),
    CHECK (file <> '' OR row_count = 0)
) STRICT;
CREATE INDEX partitions_live ON partitions (view_name, level, partition_no) WHERE retired_at IS NULL;
CREATE INDEX partitions_retired ON partitions (retired_at) WHERE retired_at IS NOT NULL;
CREATE UNIQUE INDEX partitions_file ON partitions (file) WHERE file <> '';

CREATE TABLE members (
    view_name    TEXT NOT NULL CHECK (view_name <> ''),
    block_no     INTEGER NOT NULL,
    partition_no INTEGER NOT NULL,
    PRIMARY KEY (view_name, block_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_partition ON members (partition_no);
