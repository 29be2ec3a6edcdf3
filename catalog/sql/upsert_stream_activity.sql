INSERT INTO stream_activity (stream_id, last_update, blocks)
VALUES {(?, ?, ?)}
ON CONFLICT (stream_id) DO UPDATE SET
    last_update = CASE WHEN excluded.last_update > stream_activity.last_update
                       THEN excluded.last_update ELSE stream_activity.last_update END,
    blocks      = stream_activity.blocks + excluded.blocks
