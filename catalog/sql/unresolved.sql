-- Pending rows without a view whose stream has become known.
SELECT p.block_no
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
JOIN streams s ON s.stream_id = b.stream_id
WHERE p.view_name = ''
--if stream: AND b.stream_id = ?
LIMIT 10000
--pg: FOR UPDATE OF p SKIP LOCKED
