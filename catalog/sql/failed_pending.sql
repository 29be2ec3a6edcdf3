-- Blocks whose decoding has failed, the quarantined among them, and those that could not be tried.
SELECT p.view_name, p.attempts, p.last_error, p.not_before, p.quarantined, b.block_id, b.stream_id, b.process_id, b.begin_time, b.end_time,
    b.begin_ticks, b.end_ticks, b.objects, b.object_offset, b.payload_size, b.insert_time, b.segment, b.segment_offset,
    b.segment_size, b.checksum
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
WHERE p.attempts > 0 OR p.quarantined = 1 OR p.not_before > 0
ORDER BY p.view_name, p.block_no
