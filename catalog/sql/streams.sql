SELECT s.stream_id, s.process_id, s.dependencies_metadata, s.objects_metadata, s.tags, s.properties, s.format,
    s.insert_time, COALESCE(a.last_update, s.insert_time), COALESCE(a.blocks, 0)
FROM streams s
LEFT JOIN stream_activity a ON a.stream_id = s.stream_id
WHERE 1 = 1
--if begin: AND COALESCE(a.last_update, s.insert_time) >= ?
--if end: AND s.insert_time <= ?
--if process: AND s.process_id = ?
--if stream: AND s.stream_id = ?
--if tag: AND EXISTS (SELECT 1 FROM stream_tags t WHERE t.stream_id = s.stream_id AND t.tag = ?)
ORDER BY s.insert_time, s.stream_id
--if limit: LIMIT ?
