-- When rows came into this catalog, which rules of age go by: insert times of what was copied are those of another. 0 is not
-- recorded; insert times count then. doc.go explains the columns.
ALTER TABLE processes ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE streams ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN min_recorded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN max_recorded INTEGER NOT NULL DEFAULT 0;
