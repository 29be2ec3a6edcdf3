package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Defaults of a claim.
const (
	defaultClaim = 1024        // blocks or partitions
	defaultLease = time.Minute // long enough to write a file
)

// ClaimPending claims blocks of a view, oldest first, for the owner's lease: those that nobody has, or whose lease has
// run out, not those in quarantine or in a pause after a failure, and not those whose stream or process is unknown.
// Blocks that failed before come after all others, those that have waited longest first: however many keep failing, they
// keep nothing else waiting. MaxBlocks 0 means 1024, MaxBytes 0 no bound, Lease 0 one minute.
func (db *DB) ClaimPending(ctx context.Context, c ClaimPending) ([]PendingBlock, error) {
	var list []PendingBlock
	err := db.write(ctx, "claim pending blocks of "+string(c.View), func(s *session) error {
		list = nil
		if db.dialect.rowLocks { // where writers take turns, InsertStream has resolved all that it could
			if err := resolve(ctx, s); err != nil {
				return err
			}
		}
		numbers, err := claimable(ctx, s, c, &list)
		if err != nil || len(list) == 0 {
			return err
		}
		_, err = s.inBatches(ctx, "claim_pending", numbers, id(c.Owner), db.leaseEnd(c.Lease), string(c.View))
		if err != nil {
			return err
		}
		return attach(ctx, s, list)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func claimable(ctx context.Context, s *session, c ClaimPending, list *[]PendingBlock) (numbers []any, err error) {
	limit := c.MaxBlocks
	if limit <= 0 {
		limit = defaultClaim
	}
	var bytes int64
	now := int64(s.db.timeNow())
	take := func(rows *sql.Rows) error {
		p := PendingBlock{View: c.View}
		var no int64
		dest := append([]any{&no, &p.Attempts, &p.LastError, (*int64)(&p.NotBefore)}, p.Block.dest()...)
		if err := rows.Scan(append(dest, &p.Block.Location.Inline)...); err != nil {
			return err
		}
		*list = append(*list, p)
		numbers = append(numbers, no)
		bytes += p.Block.PayloadSize
		if c.MaxBytes > 0 && bytes > c.MaxBytes {
			return errStop
		}
		return nil
	}
	for _, which := range []option{{"first", nil}, {"again", []any{now}}} {
		left := limit - len(numbers)
		if left == 0 || c.MaxBytes > 0 && bytes > c.MaxBytes {
			break
		}
		q := query{name: "claimable_pending", args: []any{string(c.View), now}}
		q.options = append([]option{which}, Filter{Range: c.Inserted, Limit: left}.options()...)
		if err := s.each(ctx, q, take); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// leaseEnd is when a lease that begins now runs out.
func (db *DB) leaseEnd(lease time.Duration) int64 {
	if lease <= 0 {
		lease = defaultLease
	}
	return int64(db.timeNow()) + int64(lease)
}

// ReleasePending gives claimed blocks back without blame. Blocks that the owner no longer has are passed over.
func (db *DB) ReleasePending(ctx context.Context, owner Owner, view View, blocks []telemetry.BlockID) error {
	return db.write(ctx, "release pending blocks of "+string(view), func(s *session) error {
		_, err := s.inBatches(ctx, "release_pending", ids(blocks), string(view), id(owner))
		return err
	})
}

// RenewPending lets the lease of claimed blocks begin anew. ErrLostClaim means that at least one is no longer the owner's;
// the others are renewed.
func (db *DB) RenewPending(ctx context.Context, owner Owner, view View, blocks []telemetry.BlockID, lease time.Duration) error {
	list := distinct(blocks)
	what := "renew the claim of pending blocks of " + string(view)
	var renewed int64
	err := db.write(ctx, what, func(s *session) (err error) {
		renewed, err = s.inBatches(ctx, "renew_pending", ids(list), db.leaseEnd(lease), string(view), id(owner))
		return err
	})
	if err == nil && renewed != int64(len(list)) {
		return fmt.Errorf("%s: %w", what, ErrLostClaim)
	}
	return err
}

// PausePending gives claimed blocks back that could not be tried, for the reason cause: nobody can claim them until pause has
// passed, and it counts as no attempt. Blocks that the owner no longer has are passed over.
func (db *DB) PausePending(ctx context.Context, owner Owner, view View, blocks []telemetry.BlockID, cause string, pause time.Duration) error {
	return db.write(ctx, "pause pending blocks of "+string(view), func(s *session) error {
		_, err := s.inBatches(ctx, "pause_pending", ids(blocks), clean(cause), int64(db.timeNow())+int64(pause), string(view), id(owner))
		return err
	})
}

// FailPending gives a claimed block back after it could not be read or decoded, for the reason cause. Nobody can claim it
// until pause has passed. From the attempt quarantineAfter on it is in quarantine; 0 means never. ErrLostClaim means that the
// owner no longer has it.
func (db *DB) FailPending(ctx context.Context, owner Owner, view View, block telemetry.BlockID, cause string,
	quarantineAfter int, pause time.Duration,
) error {
	return db.write(ctx, fmt.Sprintf("record a failure of block %s in %s", block, view), func(s *session) error {
		n, err := s.exec(ctx, query{name: "fail_pending", args: []any{
			clean(cause), int64(db.timeNow()) + int64(pause), quarantineAfter, quarantineAfter, string(view), id(owner), id(block),
		}})
		if err == nil && n != 1 {
			return ErrLostClaim
		}
		return err
	})
}

// RequeueQuarantined takes the blocks of view out of quarantine, for a program that can decode more than the last or when
// their segment is there again, and returns how many they were.
func (db *DB) RequeueQuarantined(ctx context.Context, view View) (int64, error) {
	var n int64
	err := db.write(ctx, "requeue blocks of "+string(view), func(s *session) error {
		var err error
		n, err = s.exec(ctx, query{name: "requeue_quarantined", args: []any{string(view)}})
		return err
	})
	return n, err
}

// RequeueBlock takes one block out of quarantine in view; false means that it is not there.
func (db *DB) RequeueBlock(ctx context.Context, view View, block telemetry.BlockID) (bool, error) {
	var n int64
	err := db.write(ctx, fmt.Sprintf("requeue block %s of %s", block, view), func(s *session) error {
		var err error
		n, err = s.exec(ctx, query{name: "requeue_quarantined", args: []any{string(view)}, options: []option{{"block", []any{id(block)}}}})
		return err
	})
	return n > 0 && err == nil, err
}
