SELECT a.process_id
FROM process_activity a
WHERE NOT EXISTS (SELECT 1 FROM processes k WHERE k.process_id = a.process_id)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.process_id = a.process_id)
--if before: AND a.last_update < ?
--if older: AND a.last_update < ? AND a.last_update < ?
LIMIT 1024
