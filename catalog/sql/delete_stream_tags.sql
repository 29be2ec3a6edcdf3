DELETE FROM stream_tags WHERE stream_id IN ({?})
