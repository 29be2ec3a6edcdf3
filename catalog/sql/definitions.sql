SELECT name, definition, update_group, updated_at, updated_by
FROM view_definitions
ORDER BY name
