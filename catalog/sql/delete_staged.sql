DELETE FROM staged WHERE EXISTS (SELECT 1 FROM blocks b WHERE b.block_id = staged.block_id)
