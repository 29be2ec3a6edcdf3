UPDATE partitions SET expires = ? WHERE owner = ? AND retired_at IS NULL AND partition_id IN ({?})
