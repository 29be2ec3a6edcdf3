INSERT INTO processes (process_id, exe, username, realname, computer, distro, cpu_brand, tsc_frequency,
    start_time, start_ticks, parent_id, properties, insert_time, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (process_id) DO NOTHING
