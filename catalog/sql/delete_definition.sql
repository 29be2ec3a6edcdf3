DELETE FROM view_definitions WHERE name = ?
