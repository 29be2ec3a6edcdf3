SELECT view_name, COUNT(*), CAST(SUM(quarantined) AS BIGINT), CAST(SUM(claimed) AS BIGINT),
    CAST(SUM(payload_size) AS BIGINT), MIN(insert_time),
    CAST(SUM(free) AS BIGINT), CAST(SUM(free * payload_size) AS BIGINT),
    COALESCE(MIN(CASE WHEN free = 1 THEN insert_time END), 0)
FROM (
    SELECT view_name, quarantined, claimed, payload_size, insert_time,
        CASE WHEN quarantined = 0 AND claimed = 0 AND paused = 0 AND complete = 1 THEN 1 ELSE 0 END AS free
    FROM (
        SELECT p.view_name, p.quarantined, b.payload_size, b.insert_time,
            CASE WHEN p.not_before > ? THEN 1 ELSE 0 END AS paused,
            CASE WHEN p.owner IS NOT NULL AND p.expires > ? THEN 1 ELSE 0 END AS claimed,
            CASE WHEN EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id) THEN 1 ELSE 0 END AS complete
        FROM pending p
        JOIN blocks b ON b.block_no = p.block_no
        WHERE p.view_name <> ''
    ) c
) d
GROUP BY view_name
