DELETE FROM pending WHERE view_name = ? AND block_no IN ({?})
