INSERT INTO stream_feeds (stream_id, view_name) VALUES {(?, ?)}
