SELECT view_name, COUNT(*), CAST(SUM(row_count) AS BIGINT), CAST(SUM(size) AS BIGINT), CAST(SUM(blocks) AS BIGINT)
FROM partitions
WHERE retired_at IS NULL
GROUP BY view_name
