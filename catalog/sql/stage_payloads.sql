INSERT INTO staged (block_id, stream_id, process_id, segment, segment_offset, segment_size, checksum, payload, staged_at)
VALUES {(?, ?, ?, ?, ?, ?, ?, ?, ?)}
ON CONFLICT (block_id) DO UPDATE SET segment = excluded.segment, segment_offset = excluded.segment_offset,
    segment_size = excluded.segment_size, checksum = excluded.checksum, payload = excluded.payload
WHERE staged.segment IS NULL
RETURNING block_id
