SELECT s.stream_id, s.process_id, s.dependencies_metadata, s.objects_metadata, s.tags, s.properties, s.format,
    s.insert_time, COALESCE(a.last_update, s.insert_time), COALESCE(a.blocks, 0)
FROM streams s
LEFT JOIN stream_activity a ON a.stream_id = s.stream_id
WHERE s.stream_id IN ({?})
