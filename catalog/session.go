package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// session is a transaction.
type session struct {
	db       *DB
	tx       *sql.Tx
	prepared *prepared
}

// write runs f in a transaction that writes; what names it in errors. f runs again when the database asks for it, so it
// must start from scratch every time.
func (db *DB) write(ctx context.Context, what string, f func(*session) error) error {
	deadline := time.Now().Add(db.busyTimeout)
	for wait := shortestWait; ; wait = min(2*wait, longestWait) {
		err := db.transact(ctx, db.writer, nil, f)
		if err == nil {
			return nil
		}
		if !db.dialect.retry(err) || time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", what, db.unavailable(err))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-time.After(wait/2 + rand.N(wait)): //nolint:gosec // a wait need not be unpredictable
		}
	}
}

// A transaction that must run again waits, at first for about shortestWait, later for longestWait. SQLite's own waiting
// for another process's lock grows to 100 ms at a time, which under load is mostly sleeping while the lock is free.
const (
	shortestWait = 200 * time.Microsecond
	longestWait  = 2 * time.Millisecond
)

func (db *DB) transact(ctx context.Context, p pool, o *sql.TxOptions, f func(*session) error) error {
	if p.prepared != nil {
		if err := p.prepared.prepareWanted(ctx); err != nil {
			return err
		}
	}
	tx, err := p.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(&session{db: db, tx: tx, prepared: p.prepared}); err != nil {
		return err
	}
	if db.interrupt == nil || o != nil {
		return tx.Commit()
	}
	if err := db.interrupt(false); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return db.interrupt(true)
}

// unavailable marks err with ErrUnavailable if it may pass. The end of the caller's context is not the database's fault.
func (db *DB) unavailable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnavailable) {
		return err
	}
	if db.dialect.transient(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// exec runs q and returns how many rows it changed.
func (s *session) exec(ctx context.Context, q query) (int64, error) {
	r, err := s.run(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", q.name, err)
	}
	return r.RowsAffected()
}

func (s *session) run(ctx context.Context, q query) (sql.Result, error) {
	text := s.db.texts.text(s.db.dialect, q)
	if s.prepared == nil {
		return s.tx.ExecContext(ctx, text, q.values()...)
	}
	stmt, err := s.prepared.on(ctx, s.tx, text) //nolint:sqlclosecheck // the transaction's end closes it
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, q.values()...)
}

// each runs q and calls f for each row, until f fails or returns errStop.
func (s *session) each(ctx context.Context, q query, f func(*sql.Rows) error) error {
	rows, err := s.rows(ctx, q)
	if err != nil {
		return fmt.Errorf("%s: %w", q.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); errors.Is(err, errStop) {
			return rows.Close()
		} else if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", q.name, err)
	}
	return nil
}

// one runs q and scans its only row; ErrNotFound when there is none.
func (s *session) one(ctx context.Context, q query, dest ...any) error {
	found := false
	err := s.each(ctx, q, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// errStop ends each without an error.
var errStop = errors.New("stop")

func (s *session) rows(ctx context.Context, q query) (*sql.Rows, error) {
	text := s.db.texts.text(s.db.dialect, q)
	if s.prepared == nil {
		return s.tx.QueryContext(ctx, text, q.values()...)
	}
	stmt, err := s.prepared.on(ctx, s.tx, text) //nolint:sqlclosecheck // the transaction's end closes it
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, q.values()...)
}
