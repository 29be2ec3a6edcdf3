UPDATE partitions SET owner = ?, expires = ?
WHERE partition_id = ? AND retired_at IS NULL
--if free: AND (owner IS NULL OR expires <= ?)
