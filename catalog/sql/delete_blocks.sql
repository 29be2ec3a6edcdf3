DELETE FROM blocks WHERE block_no IN ({?})
