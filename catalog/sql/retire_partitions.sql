UPDATE partitions SET retired_at = ?, owner = NULL, expires = NULL
WHERE view_name = ? AND owner = ? AND retired_at IS NULL AND partition_id IN ({?})
