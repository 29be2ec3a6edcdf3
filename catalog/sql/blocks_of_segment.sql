SELECT b.block_id, b.stream_id, b.process_id, b.begin_time, b.end_time, b.begin_ticks, b.end_ticks, b.objects,
    b.object_offset, b.payload_size, b.insert_time, b.segment, b.segment_offset, b.segment_size,
    b.checksum
FROM blocks b
WHERE b.segment = ? AND b.segment <> ''
ORDER BY b.segment_offset, b.block_no
