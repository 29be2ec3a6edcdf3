DELETE FROM streams WHERE stream_id IN ({?})
