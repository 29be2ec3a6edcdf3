SELECT w.segment, w.freed, w.erase,
    (SELECT COUNT(*) FROM blocks b WHERE b.segment = w.segment AND b.segment <> ''),
    CAST(COALESCE((SELECT SUM(b.segment_size) FROM blocks b WHERE b.segment = w.segment AND b.segment <> ''), 0) AS BIGINT)
FROM segment_waste w
WHERE w.since < ? AND NOT EXISTS (SELECT 1 FROM staged h WHERE h.segment = w.segment AND h.segment <> '')
ORDER BY w.since, w.segment
LIMIT ?
