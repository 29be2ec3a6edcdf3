SELECT block_id, stream_id, process_id, begin_time, end_time, begin_ticks, end_ticks, objects, object_offset, payload_size,
    insert_time, segment, segment_offset, segment_size, checksum, payload
FROM staged
WHERE insert_time IS NOT NULL AND segment IS NOT NULL AND block_id IN ({?})
ORDER BY block_id
