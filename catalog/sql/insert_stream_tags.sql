INSERT INTO stream_tags (stream_id, tag) VALUES {(?, ?)}
ON CONFLICT DO NOTHING
