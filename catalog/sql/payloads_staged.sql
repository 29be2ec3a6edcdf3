SELECT block_id FROM staged WHERE segment IS NOT NULL AND block_id IN ({?})
