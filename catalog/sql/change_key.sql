UPDATE api_keys SET allowed_cidrs = ?, expires_at = ?, revision = ? WHERE key_id = ?
