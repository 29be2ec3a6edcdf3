SELECT 1
FROM partitions
WHERE retired_at IS NULL AND (min_insert = 0 OR min_recorded = 0) AND (owner IS NULL OR expires <= ?)
LIMIT 1
