UPDATE pending SET owner = NULL, expires = NULL, last_error = ?, not_before = ?
WHERE view_name = ? AND owner = ? AND block_no IN (SELECT block_no FROM blocks WHERE block_id IN ({?}))
