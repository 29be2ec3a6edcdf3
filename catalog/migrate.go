package catalog

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// migration is one step of the schema.
type migration struct {
	version int
	name    string
	text    string
}

// migrate brings the schema to the newest version that this program knows, one transaction for each step. Several
// programs may do it at the same time: each step is taken under a lock and looks first what is left to do.
func (db *DB) migrate(ctx context.Context) error {
	steps, err := migrations(db.dialect)
	if err != nil {
		return err
	}
	for done := false; !done; {
		err := db.write(ctx, "migrate catalog", func(s *session) error {
			version, err := schemaVersion(ctx, s)
			if err != nil {
				return err
			}
			if newest := steps[len(steps)-1].version; version > newest {
				return fmt.Errorf("the database has schema version %d, this program knows versions up to %d; "+
					"run the newer release that migrated it, or restore a backup from before", version, newest)
			}
			done = true
			for _, step := range steps {
				if step.version > version {
					done = false
					return apply(ctx, s, step)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func schemaVersion(ctx context.Context, s *session) (int, error) {
	if err := s.db.dialect.lockMigrations(ctx, s); err != nil {
		return 0, err
	}
	if _, err := s.exec(ctx, query{name: "create_schema_migrations"}); err != nil {
		return 0, err
	}
	var version int
	err := s.one(ctx, query{name: "schema_version"}, &version)
	return version, err
}

func apply(ctx context.Context, s *session, m migration) error {
	for statement := range strings.SplitSeq(m.text, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := s.tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	_, err := s.exec(ctx, query{name: "insert_schema_migration", args: []any{m.version, m.name, int64(s.db.timeNow())}})
	return err
}

// migrations returns the steps of d in order.
func migrations(d *dialect) ([]migration, error) {
	files, err := fs.Glob(d.migrations, "migrations/"+d.name+"/*.sql")
	if err != nil {
		return nil, err
	}
	var steps []migration
	for i, file := range files { // in order of their names
		number, _, _ := strings.Cut(path.Base(file), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: its number must be %04d", file, i+1)
		}
		text, err := d.migrations.ReadFile(file)
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration{version: version, name: strings.TrimSuffix(path.Base(file), ".sql"), text: string(text)})
	}
	return steps, nil
}
