UPDATE pending SET owner = NULL, expires = NULL, attempts = attempts + 1, last_error = ?, not_before = ?,
    quarantined = CASE WHEN CAST(? AS BIGINT) > 0 AND attempts + 1 >= ? THEN 1 ELSE 0 END
WHERE view_name = ? AND owner = ? AND block_no IN (SELECT block_no FROM blocks WHERE block_id = ?)
