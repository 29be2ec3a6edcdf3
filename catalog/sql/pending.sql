SELECT p.attempts, p.last_error, p.not_before, p.quarantined, b.block_id, b.stream_id, b.process_id, b.begin_time, b.end_time, b.begin_ticks, b.end_ticks, b.objects,
    b.object_offset, b.payload_size, b.insert_time, b.segment, b.segment_offset, b.segment_size,
    b.checksum
--if payload: , b.payload
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
WHERE p.view_name = ?
    AND EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id)
--if begin: AND b.end_time >= ?
--if end: AND b.begin_time <= ?
--if process: AND b.process_id = ?
--if stream: AND b.stream_id = ?
--if block: AND b.block_id = ?
--if tag: AND EXISTS (SELECT 1 FROM stream_tags t WHERE t.stream_id = b.stream_id AND t.tag = ?)
ORDER BY p.block_no
--if limit: LIMIT ?
