SELECT 1 FROM partitions WHERE partition_id = ?
