SELECT CAST(COALESCE(SUM(blocks), 0) AS BIGINT), COALESCE(MIN(min_insert), 0), COALESCE(MAX(max_insert), 0), CAST(COALESCE(SUM(objects), 0) AS BIGINT),
    COALESCE(MIN(min_recorded), 0), COALESCE(MAX(max_recorded), 0)
FROM partitions
WHERE partition_id IN ({?})
