DELETE FROM staged WHERE block_id IN ({?})
