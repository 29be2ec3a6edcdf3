SELECT COUNT(*) FROM partitions WHERE retired_at IS NULL AND partition_id IN ({?})
