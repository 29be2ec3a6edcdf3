SELECT COUNT(*), COALESCE(MIN(b.insert_time), 0), COALESCE(MAX(b.insert_time), 0), CAST(COALESCE(SUM(b.objects), 0) AS BIGINT),
    COALESCE(MIN(CASE WHEN b.recorded_at > b.insert_time THEN b.recorded_at ELSE b.insert_time END), 0),
    COALESCE(MAX(CASE WHEN b.recorded_at > b.insert_time THEN b.recorded_at ELSE b.insert_time END), 0)
FROM members m
JOIN blocks b ON b.block_no = m.block_no
WHERE m.partition_no = ?
