DELETE FROM process_activity WHERE process_id IN ({?})
