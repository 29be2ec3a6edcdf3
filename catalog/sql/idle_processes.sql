-- Processes of which no block is left, and no half of one waits.
SELECT p.process_id
FROM processes p
LEFT JOIN process_activity a ON a.process_id = p.process_id
WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.process_id = p.process_id)
    AND NOT EXISTS (SELECT 1 FROM streams s JOIN blocks b ON b.stream_id = s.stream_id WHERE s.process_id = p.process_id)
    AND p.process_id NOT IN (SELECT h.process_id FROM staged h)
--if process: AND p.process_id = ?
--if before: AND COALESCE(a.last_update, p.insert_time) < ?
--if older: AND COALESCE(a.last_update, p.insert_time) < ? AND p.recorded_at < ?
LIMIT 256
