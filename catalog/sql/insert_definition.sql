INSERT INTO view_definitions (name, definition, update_group, updated_at, updated_by) VALUES (?, ?, ?, ?, ?)
