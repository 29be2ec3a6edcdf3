SELECT f.view_name, COUNT(*), CAST(SUM(p.quarantined) AS BIGINT),
    CAST(SUM(CASE WHEN p.owner IS NOT NULL AND p.expires > ? THEN 1 ELSE 0 END) AS BIGINT),
    CAST(SUM(b.payload_size) AS BIGINT), MIN(b.insert_time)
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
JOIN stream_feeds f ON f.stream_id = b.stream_id AND p.view_name IN (f.view_name, '')
GROUP BY f.view_name
