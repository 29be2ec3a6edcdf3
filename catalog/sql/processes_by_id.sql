SELECT p.process_id, p.exe, p.username, p.realname, p.computer, p.distro, p.cpu_brand, p.tsc_frequency, p.start_time,
    p.start_ticks, p.parent_id, p.properties, p.insert_time,
    COALESCE(a.last_update, p.insert_time), COALESCE(a.last_end_ticks, 0), COALESCE(a.last_end_time, 0),
    COALESCE(a.blocks, 0)
FROM processes p
LEFT JOIN process_activity a ON a.process_id = p.process_id
WHERE p.process_id IN ({?})
