SELECT block_id, COALESCE(segment, ''), COALESCE(segment_size, 0)
FROM staged
WHERE 1 = 1
--if process: AND (process_id = ? OR stream_id IN (SELECT s.stream_id FROM streams s WHERE s.process_id = ?))
--if before: AND COALESCE(insert_time, staged_at) < ?
--if waited: AND staged_at < ?
LIMIT 1024
