-- What tells damage from an outage, and paces attempts; doc.go explains the columns.

ALTER TABLE blocks ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN broken TEXT NOT NULL DEFAULT '';
