-- Views that administrators have defined in SQL; doc.go explains the table.
CREATE TABLE view_definitions (
    name         TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    definition   TEXT NOT NULL,
    update_group BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT NOT NULL
);
