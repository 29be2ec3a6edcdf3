SELECT (SELECT COUNT(*) FROM processes), (SELECT COUNT(*) FROM streams), (SELECT COUNT(*) FROM blocks),
    (SELECT COUNT(*) FROM pending p JOIN blocks b ON b.block_no = p.block_no
     WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_id = b.stream_id)
        OR NOT EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id)),
    (SELECT COUNT(*) FROM partitions WHERE retired_at IS NOT NULL),
    (SELECT COUNT(*) FROM partitions WHERE retired_at IS NOT NULL AND broken <> '')
