SELECT p.file, p.view_name, p.blocks, COUNT(m.block_no)
FROM partitions p
LEFT JOIN members m ON m.partition_no = p.partition_no
WHERE p.retired_at IS NULL
GROUP BY p.partition_no, p.file, p.view_name, p.blocks
HAVING p.blocks <> COUNT(m.block_no)
LIMIT 20
