-- Streams of unknown processes of which no block is left, and no half of one waits.
SELECT s.stream_id
FROM streams s
WHERE NOT EXISTS (SELECT 1 FROM processes p WHERE p.process_id = s.process_id)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.stream_id = s.stream_id)
    AND s.stream_id NOT IN (SELECT h.stream_id FROM staged h)
--if process: AND s.process_id = ?
--if before: AND s.insert_time < ?
--if older: AND s.insert_time < ? AND s.recorded_at < ?
LIMIT 256
