SELECT COUNT(*), COALESCE(MIN(b.insert_time), 0), COALESCE(MAX(b.insert_time), 0), CAST(COALESCE(SUM(b.objects), 0) AS BIGINT)
FROM members m
JOIN blocks b ON b.block_no = m.block_no
WHERE m.partition_no = ?
