UPDATE api_keys SET revoked_at = ?, revoked_by = ?, revision = ? WHERE key_id = ? AND revoked_at IS NULL
