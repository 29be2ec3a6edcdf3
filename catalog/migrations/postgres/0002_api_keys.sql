-- API keys; doc.go explains the tables. No key is kept, only its SHA-256.

CREATE TABLE api_keys (
    key_id        UUID NOT NULL PRIMARY KEY,
    key_hash      BYTEA NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    name          TEXT NOT NULL CHECK (name <> ''),
    roles         TEXT NOT NULL,
    may_delegate  BIGINT NOT NULL CHECK (may_delegate IN (0, 1)),
    allowed_cidrs TEXT NOT NULL,
    imported      BIGINT NOT NULL CHECK (imported IN (0, 1)),
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    not_before    BIGINT,
    expires_at    BIGINT,
    last_used_at  BIGINT,
    revoked_at    BIGINT,
    revoked_by    TEXT NOT NULL DEFAULT '',
    revision      BIGINT NOT NULL UNIQUE
);
CREATE INDEX api_keys_created ON api_keys (created_at, key_id);

CREATE TABLE api_key_changes (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    revision  BIGINT NOT NULL,
    imported  BIGINT NOT NULL CHECK (imported IN (0, 1))
);
INSERT INTO api_key_changes (singleton, revision, imported) VALUES (1, 0, 0);
