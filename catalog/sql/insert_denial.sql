INSERT INTO query_denials (rule_id, created_at, created_by, reason, match_expr) VALUES (?, ?, ?, ?, ?)
