-- All live partitions, also those without a file.
SELECT p.partition_id, p.view_name, p.file, p.size, p.row_count, p.min_time, p.max_time, p.schema_version, p.level,
    p.blocks, p.created, COALESCE(p.retired_at, 0), p.checksum, p.attempts, p.broken, p.companion_size, p.min_insert, p.max_insert, p.objects, p.min_recorded, p.max_recorded
FROM partitions p
WHERE p.retired_at IS NULL
--if view: AND p.view_name = ?
--if id: AND p.partition_id = ?
--if file: AND p.file = ?
--if process: AND p.partition_no IN (SELECT m.partition_no FROM blocks b JOIN stream_feeds f ON f.stream_id = b.stream_id JOIN members m ON m.view_name = f.view_name AND m.block_no = b.block_no WHERE b.process_id = ? OR b.stream_id IN (SELECT s.stream_id FROM streams s WHERE s.process_id = ?))
--if before: AND p.min_insert < ?
--if older: AND p.min_insert < ? AND p.min_recorded < ?
ORDER BY p.view_name, p.min_insert, p.partition_no
