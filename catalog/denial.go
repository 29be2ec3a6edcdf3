package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// DenialID identifies a rule of the deny list.
type DenialID = uuid.UUID

// Denial is a rule of the deny list: queries that it matches are refused. What its expression means is up to others.
type Denial struct {
	ID        DenialID
	Created   telemetry.Time
	CreatedBy string
	Reason    string
	Match     string
	LastHit   telemetry.Time // about; 0 when it has refused nothing yet
}

// ErrTooMany means that a table is not allowed to grow.
var ErrTooMany = errors.New("there are too many")

// CreateDenial records d under a new id, unless there are limit rules already: then it is ErrTooMany.
func (db *DB) CreateDenial(ctx context.Context, d Denial, limit int) (Denial, error) {
	d.ID, d.Created, d.LastHit = uuid.New(), db.timeNow(), 0
	d.CreatedBy, d.Reason, d.Match = clean(d.CreatedBy), clean(d.Reason), clean(d.Match)
	err := db.write(ctx, "create a rule of the deny list", func(s *session) error {
		if err := db.dialect.lockMigrations(ctx, s); err != nil { // two that count at the same time would both find room
			return err
		}
		var n int
		if err := s.one(ctx, query{name: "count_denials"}, &n); err != nil {
			return err
		}
		if n >= limit {
			return ErrTooMany
		}
		_, err := s.exec(ctx, query{name: "insert_denial", args: []any{id(d.ID), int64(d.Created), d.CreatedBy, d.Reason, d.Match}})
		return err
	})
	return d, err
}

// DeleteDenials removes rules. Those that are not there are named in the result, and then nothing is removed.
func (db *DB) DeleteDenials(ctx context.Context, rules []DenialID) (missing []DenialID, err error) {
	err = db.write(ctx, fmt.Sprintf("remove %d rules of the deny list", len(rules)), func(s *session) error {
		missing = nil
		for _, rule := range distinct(rules) {
			n, err := s.exec(ctx, query{name: "delete_denial", args: []any{id(rule)}})
			if err != nil {
				return err
			}
			if n == 0 {
				missing = append(missing, rule)
			}
		}
		if len(missing) > 0 {
			return ErrNotFound
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return missing, nil
	}
	return nil, err
}

// Denials returns the rules, oldest first.
func (db *DB) Denials(ctx context.Context) ([]Denial, error) {
	var list []Denial
	err := db.Read(ctx, func(r *Reader) error {
		list = nil
		return r.s.each(ctx, query{name: "denials"}, func(rows *sql.Rows) error {
			var d Denial
			err := rows.Scan(&d.ID, (*int64)(&d.Created), &d.CreatedBy, &d.Reason, &d.Match, (*int64)(&d.LastHit))
			list = append(list, d)
			return err
		})
	})
	return list, err
}

// TouchDenials records when rules last refused a query. Rules that are gone are passed over, and no time goes back.
func (db *DB) TouchDenials(ctx context.Context, hits map[DenialID]telemetry.Time) error {
	if len(hits) == 0 {
		return nil
	}
	return db.write(ctx, "record hits of the deny list", func(s *session) error {
		for rule, at := range hits {
			if _, err := s.exec(ctx, query{name: "touch_denial", args: []any{int64(at), id(rule), int64(at)}}); err != nil {
				return err
			}
		}
		return nil
	})
}
