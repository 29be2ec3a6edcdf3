DELETE FROM members WHERE view_name = ? AND partition_no = ? AND block_no IN ({?})
