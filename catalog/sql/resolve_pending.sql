INSERT INTO pending (view_name, block_no)
SELECT f.view_name, b.block_no
FROM blocks b
JOIN stream_feeds f ON f.stream_id = b.stream_id
WHERE b.block_no IN ({?})
