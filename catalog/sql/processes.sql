SELECT p.process_id, p.exe, p.username, p.realname, p.computer, p.distro, p.cpu_brand, p.tsc_frequency, p.start_time,
    p.start_ticks, p.parent_id, p.properties, p.insert_time,
    COALESCE(a.last_update, p.insert_time), COALESCE(a.last_end_ticks, 0), COALESCE(a.last_end_time, 0),
    COALESCE(a.blocks, 0)
FROM processes p
LEFT JOIN process_activity a ON a.process_id = p.process_id
WHERE 1 = 1
--if begin: AND COALESCE(a.last_update, p.insert_time) >= ?
--if end: AND p.insert_time <= ?
--if process: AND p.process_id = ?
--if stream: AND p.process_id IN (SELECT process_id FROM streams WHERE stream_id = ?)
--if tag: AND EXISTS (SELECT 1 FROM streams s JOIN stream_tags t ON t.stream_id = s.stream_id WHERE s.process_id = p.process_id AND t.tag = ?)
ORDER BY p.insert_time, p.process_id
--if limit: LIMIT ?
