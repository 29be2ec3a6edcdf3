UPDATE partitions SET retired_at = ?, owner = NULL, expires = NULL, broken = ?
WHERE retired_at IS NULL AND partition_id IN ({?})
