DELETE FROM stream_feeds WHERE stream_id IN ({?})
