-- One row for each view that a block feeds; one row without a view while its stream is unknown; none for other streams.
INSERT INTO pending (view_name, block_no)
SELECT COALESCE(f.view_name, ''), b.block_no
FROM blocks b
LEFT JOIN streams s ON s.stream_id = b.stream_id
LEFT JOIN stream_feeds f ON f.stream_id = s.stream_id
WHERE b.block_no IN ({?}) AND (s.stream_id IS NULL OR f.view_name IS NOT NULL)
--pg: RETURNING view_name, block_no
