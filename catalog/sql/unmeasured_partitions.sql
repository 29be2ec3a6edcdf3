SELECT partition_no
FROM partitions
WHERE retired_at IS NULL AND (min_insert = 0 OR min_recorded = 0) AND (owner IS NULL OR expires <= ?)
ORDER BY partition_no
LIMIT ?
--pg: FOR UPDATE SKIP LOCKED
