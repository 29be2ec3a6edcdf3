SELECT COUNT(*) FROM query_denials
