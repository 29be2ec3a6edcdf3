SELECT p.partition_id, p.view_name, p.file, p.size, p.row_count, p.min_time, p.max_time, p.schema_version, p.level,
    p.blocks, p.created, COALESCE(p.retired_at, 0), p.checksum, p.attempts, p.broken, p.companion_size
FROM partitions p
WHERE p.retired_at IS NOT NULL AND p.retired_at < ?
    AND CASE WHEN p.broken = '' THEN 0 ELSE 1 END = ?
ORDER BY p.retired_at
LIMIT ?
