INSERT INTO segment_waste (segment, freed, erase, since)
VALUES {(?, ?, ?, ?)}
ON CONFLICT (segment) DO UPDATE SET
    freed = segment_waste.freed + excluded.freed,
    erase = CASE WHEN excluded.erase = 1 THEN 1 ELSE segment_waste.erase END,
    since = excluded.since
