-- API keys; doc.go explains the tables. No key is kept, only its SHA-256.

CREATE TABLE api_keys (
    key_id        BLOB NOT NULL PRIMARY KEY,
    key_hash      BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    name          TEXT NOT NULL CHECK (name <> ''),
    roles         TEXT NOT NULL,
    may_delegate  INTEGER NOT NULL CHECK (may_delegate IN (0, 1)),
    allowed_cidrs TEXT NOT NULL,
    imported      INTEGER NOT NULL CHECK (imported IN (0, 1)),
    created_at    INTEGER NOT NULL,
    created_by    TEXT NOT NULL,
    not_before    INTEGER,
    expires_at    INTEGER,
    last_used_at  INTEGER,
    revoked_at    INTEGER,
    revoked_by    TEXT NOT NULL DEFAULT '',
    revision      INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX api_keys_created ON api_keys (created_at, key_id);

CREATE TABLE api_key_changes (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    revision  INTEGER NOT NULL,
    imported  INTEGER NOT NULL CHECK (imported IN (0, 1))
) STRICT;
INSERT INTO api_key_changes (singleton, revision, imported) VALUES (1, 0, 0);
