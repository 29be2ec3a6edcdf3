SELECT key_id, key_hash, name, roles, may_delegate, allowed_cidrs, imported, created_at, created_by,
    COALESCE(not_before, 0), COALESCE(expires_at, 0), COALESCE(last_used_at, 0), COALESCE(revoked_at, 0), revoked_by, revision
FROM api_keys
WHERE 1 = 1
--if id: AND key_id = ?
--if hash: AND key_hash = ?
--if since: AND revision > ?
--if name: AND name = ?
--if role: AND roles LIKE ?
--if live: AND revoked_at IS NULL
--if ends: AND expires_at <= ?
ORDER BY created_at DESC, key_id DESC
--if limit: LIMIT ? OFFSET ?
