SELECT p.partition_id, p.view_name, p.file, p.size, p.row_count, p.min_time, p.max_time, p.schema_version, p.level,
    p.blocks, p.created, COALESCE(p.retired_at, 0), p.checksum, p.attempts, p.broken, p.companion_size
FROM partitions p
WHERE p.view_name = ? AND (p.level = ? OR p.schema_version < ?) AND p.retired_at IS NULL AND (p.owner IS NULL OR p.expires <= ?)
    AND p.not_before <= ? AND p.attempts < ? AND p.size < ?
ORDER BY p.partition_no
LIMIT ?
--pg: FOR UPDATE OF p SKIP LOCKED
