SELECT p.level, COUNT(*), CAST(SUM(p.size) AS BIGINT)
FROM partitions p
WHERE p.view_name = ? AND p.retired_at IS NULL AND p.level < ? AND p.size < ?
    AND (p.owner IS NULL OR p.expires <= ?) AND p.not_before <= ? AND p.attempts < ?
GROUP BY p.level
ORDER BY p.level
