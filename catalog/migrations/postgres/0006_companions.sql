-- The file of counts beside a partition of log entries; doc.go explains the column.
ALTER TABLE partitions ADD COLUMN companion_size BIGINT NOT NULL DEFAULT 0;
