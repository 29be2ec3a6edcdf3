SELECT m.block_no
FROM members m
JOIN blocks b ON b.block_no = m.block_no
WHERE m.view_name = ? AND m.partition_no = ? AND b.block_id IN ({?})
