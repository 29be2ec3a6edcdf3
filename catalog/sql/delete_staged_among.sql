DELETE FROM staged
WHERE block_id IN ({?}) AND EXISTS (SELECT 1 FROM blocks b WHERE b.block_id = staged.block_id)
RETURNING block_id, COALESCE(segment, ''), COALESCE(segment_size, 0)
