UPDATE pending SET quarantined = 0, attempts = 0, not_before = 0 WHERE view_name = ? AND quarantined = 1
--if block: AND block_no IN (SELECT block_no FROM blocks WHERE block_id = ?)
