UPDATE partitions SET retired_at = ?, owner = NULL, expires = NULL WHERE retired_at IS NULL AND partition_id IN ({?})
