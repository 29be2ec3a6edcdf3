INSERT INTO process_activity (process_id, last_update, last_end_ticks, last_end_time, blocks)
VALUES {(?, ?, ?, ?, ?)}
ON CONFLICT (process_id) DO UPDATE SET
    last_update    = CASE WHEN excluded.last_update > process_activity.last_update
                          THEN excluded.last_update ELSE process_activity.last_update END,
    last_end_ticks = CASE WHEN excluded.last_end_ticks > process_activity.last_end_ticks
                          THEN excluded.last_end_ticks ELSE process_activity.last_end_ticks END,
    last_end_time  = CASE WHEN excluded.last_end_time > process_activity.last_end_time
                          THEN excluded.last_end_time ELSE process_activity.last_end_time END,
    blocks         = process_activity.blocks + excluded.blocks
