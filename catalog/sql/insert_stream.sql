INSERT INTO streams (stream_id, process_id, dependencies_metadata, objects_metadata, tags, properties, format, insert_time, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream_id) DO NOTHING
