SELECT b.block_id, b.payload FROM blocks b WHERE b.segment = '' AND b.block_id IN ({?})
