DELETE FROM blocks WHERE block_no IN ({?})
RETURNING segment, segment_size, payload_size
