SELECT b.block_no, b.block_id, b.stream_id, b.process_id, b.begin_time, b.end_time, b.begin_ticks, b.end_ticks, b.objects,
    b.object_offset, b.payload_size, b.insert_time, b.segment, b.segment_offset, b.segment_size, b.checksum,
    b.payload
FROM partitions p
JOIN members m ON m.partition_no = p.partition_no
JOIN blocks b ON b.block_no = m.block_no
WHERE p.partition_id = ? AND p.retired_at IS NULL AND b.block_no > ?
ORDER BY b.block_no
LIMIT ?
