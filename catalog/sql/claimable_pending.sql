-- Those that never failed, or with "again" those whose pause after a failure is over.
SELECT p.block_no, p.attempts, p.last_error, p.not_before, b.block_id, b.stream_id, b.process_id, b.begin_time, b.end_time, b.begin_ticks, b.end_ticks, b.objects,
    b.object_offset, b.payload_size, b.insert_time, b.segment, b.segment_offset, b.segment_size,
    b.checksum, b.payload
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
WHERE p.view_name = ? AND p.quarantined = 0 AND (p.owner IS NULL OR p.expires <= ?)
    AND EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id)
--if first: AND p.not_before = 0
--if again: AND p.not_before > 0 AND p.not_before <= ?
--if begin: AND b.insert_time >= ?
--if end: AND b.insert_time <= ?
ORDER BY p.not_before, p.block_no
--if limit: LIMIT ?
--pg: FOR UPDATE OF p SKIP LOCKED
