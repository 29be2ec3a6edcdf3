UPDATE partitions SET blocks = ?, min_insert = ?, max_insert = ?, objects = ?, min_recorded = ?, max_recorded = ? WHERE partition_no = ?
