UPDATE query_denials SET last_hit_at = ? WHERE rule_id = ? AND (last_hit_at IS NULL OR last_hit_at < ?)
