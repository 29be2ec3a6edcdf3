UPDATE partitions SET blocks = ?, min_insert = ?, max_insert = ?, objects = ? WHERE partition_no = ?
