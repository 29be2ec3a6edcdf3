INSERT INTO dropped (view_name, block_no)
SELECT CAST(? AS TEXT), b.block_no FROM blocks b WHERE b.block_no IN ({?})
