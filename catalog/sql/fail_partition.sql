UPDATE partitions SET owner = NULL, expires = NULL, attempts = attempts + 1, not_before = ?
WHERE owner = ? AND retired_at IS NULL AND partition_id = ?
