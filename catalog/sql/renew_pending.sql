UPDATE pending SET expires = ?
WHERE view_name = ? AND owner = ? AND block_no IN (SELECT block_no FROM blocks WHERE block_id IN ({?}))
