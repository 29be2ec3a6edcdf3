INSERT INTO pending (view_name, block_no)
SELECT m.view_name, m.block_no
FROM members m
WHERE m.partition_no IN (SELECT partition_no FROM partitions WHERE partition_id IN ({?}))
