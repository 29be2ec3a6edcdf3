-- Views that administrators have defined in SQL; doc.go explains the table.
CREATE TABLE view_definitions (
    name         TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    definition   TEXT NOT NULL,
    update_group INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    updated_by   TEXT NOT NULL
) STRICT;
