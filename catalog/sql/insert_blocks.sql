INSERT INTO blocks (block_id, stream_id, process_id, begin_time, end_time, begin_ticks, end_ticks, objects,
    object_offset, payload_size, insert_time, segment, segment_offset, segment_size, checksum, payload, recorded_at)
VALUES {(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)}
ON CONFLICT (block_id) DO NOTHING
RETURNING block_no, block_id
