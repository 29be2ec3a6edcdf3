INSERT INTO api_keys (key_id, key_hash, name, roles, may_delegate, allowed_cidrs, imported, created_at, created_by,
    not_before, expires_at, revision)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
