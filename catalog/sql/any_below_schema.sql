SELECT 1
FROM partitions p
WHERE p.view_name = ? AND p.schema_version < ? AND p.retired_at IS NULL AND (p.owner IS NULL OR p.expires <= ?)
    AND p.not_before <= ? AND p.attempts < ?
LIMIT 1
