package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/telemetry"
)

// migration is one step of the schema.
type migration struct {
	version int
	name    string
	text    string
}

// Migration is a step of the schema.
type Migration struct {
	Version int
	Name    string         // NNNN_what
	Applied telemetry.Time // 0 when it is still to be applied
}

// Migrations returns the steps that this program knows and those that the database has, in order, and changes nothing. A
// database that is not there yet has none. One that a newer program has migrated is an error.
func Migrations(ctx context.Context, o Options) ([]Migration, error) {
	if missing, err := isMissing(o.DSN); err != nil {
		return nil, err
	} else if missing {
		steps, err := migrations(sqliteDialect)
		return merged(steps, nil), err
	}
	db, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	list, err := db.migrationState(ctx)
	return list, errors.Join(err, db.Close())
}

func (db *DB) migrationState(ctx context.Context) ([]Migration, error) {
	steps, err := migrations(db.dialect)
	if err != nil {
		return nil, err
	}
	var applied []Migration
	err = db.Read(ctx, func(r *Reader) error {
		applied = nil
		found := false
		if err := r.s.tx.QueryRowContext(ctx, db.dialect.hasMigrations).Scan(&found); err != nil || !found {
			return err
		}
		return r.s.each(ctx, query{name: "applied_migrations"}, func(rows *sql.Rows) error {
			var m Migration
			err := rows.Scan(&m.Version, &m.Name, (*int64)(&m.Applied))
			applied = append(applied, m)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if n := len(applied); n > 0 && applied[n-1].Version > len(steps) {
		return nil, newerSchema(applied[n-1].Version, len(steps))
	}
	return merged(steps, applied), nil
}

// Made returns when the database was made, to the nanosecond: copies and backups keep it, others have another.
func (db *DB) Made(ctx context.Context) (telemetry.Time, error) {
	list, err := db.migrationState(ctx)
	if err != nil {
		return 0, err
	}
	return list[0].Applied, nil // there is a first step, and open databases have it
}

// merged marks the steps that were applied. Steps are numbered from 1 without gaps.
func merged(steps []migration, applied []Migration) []Migration {
	list := make([]Migration, len(steps))
	for i, step := range steps {
		list[i] = Migration{Version: step.version, Name: step.name}
		if i < len(applied) {
			list[i].Applied = max(applied[i].Applied, 1)
		}
	}
	return list
}

func newerSchema(version, newest int) error {
	return fmt.Errorf("the database has schema version %d, this program knows versions up to %d; "+
		"run the newer release that migrated it, or restore a backup from before", version, newest)
}

// checkMigrated fails unless all migrations were applied.
func (db *DB) checkMigrated(ctx context.Context) error {
	list, err := db.migrationState(ctx)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Applied == 0 {
			return fmt.Errorf("%w: the database has schema version %d, this program needs %d; "+
				"run micromegas migrate --apply, or let the server do it with MICROMEGAS_MIGRATE=auto", ErrNotMigrated, m.Version-1, len(list))
		}
	}
	return nil
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
				return newerSchema(version, newest)
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
			// Both databases say so of a table, and in the first step no table is ours: other Micromegas servers call theirs alike.
			if m.version == 1 && strings.Contains(err.Error(), "already exists") {
				err = fmt.Errorf("the database has tables of another program, give it one of its own "+
					"(docs/upgrading.md says how to take over a lake): %w", err)
			}
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
