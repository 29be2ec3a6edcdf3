UPDATE partitions SET owner = ?, expires = ? WHERE partition_id IN ({?})
