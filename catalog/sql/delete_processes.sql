DELETE FROM processes WHERE process_id IN ({?})
