UPDATE partitions SET blocks = ? WHERE partition_no = ?
