DELETE FROM members WHERE partition_no IN (SELECT partition_no FROM partitions WHERE partition_id IN ({?}))
