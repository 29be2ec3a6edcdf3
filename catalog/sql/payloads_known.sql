SELECT block_id FROM blocks WHERE block_id IN ({?})
