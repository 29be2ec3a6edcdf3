DELETE FROM partitions WHERE retired_at IS NOT NULL AND partition_id IN ({?})
