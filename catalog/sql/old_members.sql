-- Blocks of a live partition that came before a moment.
SELECT b.block_id
FROM partitions p
JOIN members m ON m.partition_no = p.partition_no
JOIN blocks b ON b.block_no = m.block_no
WHERE p.partition_id = ? AND p.retired_at IS NULL AND b.insert_time < ? AND b.recorded_at < ?
