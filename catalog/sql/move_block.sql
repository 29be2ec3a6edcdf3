UPDATE blocks SET segment = ?, segment_offset = ? WHERE block_id = ? AND segment = ?
