-- Streams of unknown processes of which no block is left.
SELECT s.stream_id
FROM streams s
WHERE NOT EXISTS (SELECT 1 FROM processes p WHERE p.process_id = s.process_id)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.stream_id = s.stream_id)
--if process: AND s.process_id = ?
--if before: AND s.insert_time < ?
LIMIT 256
