-- What tells damage from an outage, and paces attempts; doc.go explains the columns.

ALTER TABLE blocks ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN broken TEXT NOT NULL DEFAULT '';
