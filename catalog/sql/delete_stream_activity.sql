DELETE FROM stream_activity WHERE stream_id IN ({?})
