package catalog

import (
	"context"
	"database/sql"
	"fmt"
)

// inParts runs q and calls row for each row and, after each size rows and at the end, part, which may use the session. On
// PostgreSQL, where a connection does one thing at a time, that takes a cursor.
func (s *session) inParts(ctx context.Context, q query, size int, row func(*sql.Rows) error, part func() error) error {
	n := 0
	count := func(rows *sql.Rows) error {
		n++
		return row(rows)
	}
	if !s.db.dialect.rowLocks {
		err := s.each(ctx, q, func(rows *sql.Rows) error {
			if err := count(rows); err != nil || n%size != 0 {
				return err
			}
			return part()
		})
		if err != nil || n%size == 0 {
			return err
		}
		return part()
	}
	cursor := "part_" + q.name // the driver keeps the columns of a FETCH by its text
	if _, err := s.tx.ExecContext(ctx, "DECLARE "+cursor+" NO SCROLL CURSOR FOR "+s.db.texts.text(s.db.dialect, q), q.values()...); err != nil {
		return fmt.Errorf("%s: %w", q.name, err)
	}
	for before := -1; before < n; {
		before = n
		if err := s.fetch(ctx, cursor, size, count); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		if n > before {
			if err := part(); err != nil {
				return err
			}
		}
	}
	_, err := s.tx.ExecContext(ctx, "CLOSE "+cursor)
	return err
}

func (s *session) fetch(ctx context.Context, cursor string, n int, row func(*sql.Rows) error) error {
	rows, err := s.tx.QueryContext(ctx, fmt.Sprintf("FETCH FORWARD %d FROM %s", n, cursor))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
