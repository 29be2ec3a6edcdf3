DELETE FROM query_denials WHERE rule_id = ?
