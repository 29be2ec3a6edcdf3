UPDATE partitions SET owner = NULL, expires = NULL WHERE owner = ? AND partition_id IN ({?})
