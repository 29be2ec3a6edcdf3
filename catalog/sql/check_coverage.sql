-- Each row is a violation of the invariant in doc.go.
SELECT 'neither pending nor in a partition nor dropped', f.view_name, b.block_no
FROM blocks b
JOIN stream_feeds f ON f.stream_id = b.stream_id
WHERE NOT EXISTS (SELECT 1 FROM pending p WHERE p.view_name = f.view_name AND p.block_no = b.block_no)
    AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.view_name = '' AND p.block_no = b.block_no)
    AND NOT EXISTS (SELECT 1 FROM members m WHERE m.view_name = f.view_name AND m.block_no = b.block_no)
    AND NOT EXISTS (SELECT 1 FROM dropped d WHERE d.view_name = f.view_name AND d.block_no = b.block_no)
UNION ALL
SELECT 'both pending and in a partition', m.view_name, m.block_no
FROM members m
JOIN pending p ON p.view_name IN (m.view_name, '') AND p.block_no = m.block_no
UNION ALL
SELECT 'both pending and dropped', d.view_name, d.block_no
FROM dropped d
JOIN pending p ON p.view_name = d.view_name AND p.block_no = d.block_no
UNION ALL
SELECT 'both in a partition and dropped', d.view_name, d.block_no
FROM dropped d
JOIN members m ON m.view_name = d.view_name AND m.block_no = d.block_no
UNION ALL
SELECT 'dropped, but not recorded', d.view_name, d.block_no
FROM dropped d
WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.block_no = d.block_no)
UNION ALL
SELECT 'pending with and without a view', p.view_name, p.block_no
FROM pending p
JOIN pending u ON u.view_name = '' AND u.block_no = p.block_no
WHERE p.view_name <> ''
UNION ALL
SELECT 'pending for a view that its stream does not feed', p.view_name, p.block_no
FROM pending p
WHERE p.view_name <> '' AND NOT EXISTS (
    SELECT 1 FROM blocks b JOIN stream_feeds f ON f.stream_id = b.stream_id
    WHERE b.block_no = p.block_no AND f.view_name = p.view_name)
UNION ALL
SELECT 'in a partition of a view that its stream does not feed', m.view_name, m.block_no
FROM members m
WHERE NOT EXISTS (
    SELECT 1 FROM blocks b JOIN stream_feeds f ON f.stream_id = b.stream_id
    WHERE b.block_no = m.block_no AND f.view_name = m.view_name)
UNION ALL
SELECT 'in a partition that is not live or of another view', m.view_name, m.block_no
FROM members m
WHERE NOT EXISTS (
    SELECT 1 FROM partitions q
    WHERE q.partition_no = m.partition_no AND q.view_name = m.view_name AND q.retired_at IS NULL)
UNION ALL
SELECT 'of an unknown stream and not waiting for it', '', b.block_no
FROM blocks b
WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_id = b.stream_id)
    AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.view_name = '' AND p.block_no = b.block_no)
UNION ALL
SELECT 'waiting for a stream, but not recorded', '', p.block_no
FROM pending p
WHERE p.view_name = '' AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.block_no = p.block_no)
LIMIT 20
