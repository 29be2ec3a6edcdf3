INSERT INTO staged (block_id, stream_id, process_id, begin_time, end_time, begin_ticks, end_ticks, objects, object_offset,
    payload_size, insert_time, staged_at)
VALUES {(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)}
ON CONFLICT (block_id) DO UPDATE SET stream_id = excluded.stream_id, process_id = excluded.process_id,
    begin_time = excluded.begin_time, end_time = excluded.end_time, begin_ticks = excluded.begin_ticks,
    end_ticks = excluded.end_ticks, objects = excluded.objects, object_offset = excluded.object_offset,
    payload_size = excluded.payload_size, insert_time = excluded.insert_time
WHERE staged.insert_time IS NULL
