SELECT rule_id, created_at, created_by, reason, match_expr, COALESCE(last_hit_at, 0)
FROM query_denials
ORDER BY created_at, rule_id
