SELECT p.partition_id, p.view_name, p.file, p.size, p.row_count, p.min_time, p.max_time, p.schema_version, p.level,
    p.blocks, p.created, COALESCE(p.retired_at, 0), p.checksum, p.attempts, p.broken, p.companion_size
FROM partitions p
WHERE p.view_name = ? AND p.retired_at IS NULL AND p.file <> ''
--if begin: AND p.max_time >= ?
--if end: AND p.min_time <= ?
--if process: AND p.partition_no IN (SELECT m.partition_no FROM blocks b JOIN members m ON m.view_name = ? AND m.block_no = b.block_no WHERE b.process_id = ?)
--if stream: AND p.partition_no IN (SELECT m.partition_no FROM blocks b JOIN members m ON m.view_name = ? AND m.block_no = b.block_no WHERE b.stream_id = ?)
--if block: AND p.partition_no IN (SELECT m.partition_no FROM blocks b JOIN members m ON m.view_name = ? AND m.block_no = b.block_no WHERE b.block_id = ?)
ORDER BY p.partition_no
--if limit: LIMIT ?
