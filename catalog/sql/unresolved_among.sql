-- Of some blocks, those that wait for a stream which has become known. Whoever is resolving them now is waited for.
SELECT p.block_no
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
JOIN streams s ON s.stream_id = b.stream_id
WHERE p.view_name = '' AND p.block_no IN ({?})
ORDER BY p.block_no
--pg: FOR UPDATE OF p
