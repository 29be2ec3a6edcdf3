INSERT INTO partitions (partition_id, view_name, file, size, row_count, min_time, max_time, schema_version, level,
    blocks, created, checksum, companion_size)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING partition_no
