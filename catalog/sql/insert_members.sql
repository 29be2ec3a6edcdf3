INSERT INTO members (view_name, partition_no, block_no)
SELECT CAST(? AS TEXT), CAST(? AS BIGINT), b.block_no FROM blocks b WHERE b.block_id IN ({?})
