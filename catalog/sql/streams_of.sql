SELECT stream_id FROM streams WHERE process_id IN ({?})
