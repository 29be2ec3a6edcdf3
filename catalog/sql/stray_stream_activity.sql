SELECT a.stream_id
FROM stream_activity a
WHERE NOT EXISTS (SELECT 1 FROM streams k WHERE k.stream_id = a.stream_id)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.stream_id = a.stream_id)
--if before: AND a.last_update < ?
--if older: AND a.last_update < ? AND a.last_update < ?
LIMIT 1024
