package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// TakePartition claims one live partition. With force it is taken from whoever has it, whose commit will then fail;
// otherwise ErrLostClaim means that another has it. ErrNotFound means that it is not live.
func (db *DB) TakePartition(ctx context.Context, owner Owner, partition PartitionID, lease time.Duration, force bool) error {
	return db.write(ctx, "claim partition "+partition.String(), func(s *session) error {
		q := query{name: "take_partition", args: []any{id(owner), db.leaseEnd(lease), id(partition)}}
		if !force {
			q.options = []option{{"free", []any{int64(db.timeNow())}}}
		}
		n, err := s.exec(ctx, q)
		if err != nil || n == 1 {
			return err
		}
		var live int64
		if err := s.one(ctx, query{name: "live_among", n: 1, args: []any{id(partition)}}, &live); err != nil {
			return err
		}
		if live == 0 {
			return ErrNotFound
		}
		return ErrLostClaim
	})
}

// RewritePartition records p, made from the rows of old, which the owner claimed, without those of the blocks in drop:
// they are dropped from the view, the other members move to p, and old retires. When drop holds all members, p is not
// recorded, and must have no file. Errors mean what they mean for CommitPartition; that a block in drop is not a member
// counts as a lost claim.
func (db *DB) RewritePartition(ctx context.Context, owner Owner, old PartitionID, p Partition, drop []telemetry.BlockID) error {
	if err := checkPartition(p); err != nil {
		return err
	}
	list := distinct(drop)
	return db.write(ctx, fmt.Sprintf("rewrite partition %s as %s", old, p.ID), func(s *session) error {
		var known int64
		if err := s.one(ctx, query{name: "partition_exists", args: []any{id(p.ID)}}, &known); !errors.Is(err, ErrNotFound) {
			return err
		}
		var before int64
		switch err := s.one(ctx, query{name: "live_partition", args: []any{id(old), id(owner)}}, &before); {
		case errors.Is(err, ErrNotFound):
			return ErrLostClaim
		case err != nil:
			return err
		}
		if err := dropMembers(ctx, s, p.View, before, list); err != nil {
			return err
		}
		var left span
		if err := s.one(ctx, query{name: "member_span", args: []any{before}}, left.dest()...); err != nil {
			return err
		}
		if left.blocks > 0 {
			p.Blocks = left.blocks
			no, err := insertPartition(ctx, s, p)
			if err != nil {
				return err
			}
			if _, err := s.inBatches(ctx, "move_members", ids([]PartitionID{old}), no); err != nil {
				return err
			}
			if err := setSpan(ctx, s, no, left); err != nil {
				return err
			}
		} else if p.File != "" {
			return fmt.Errorf("no block of it is left, but there is a file %s", p.File)
		}
		_, err := s.inBatches(ctx, "retire_live", ids([]PartitionID{old}), int64(db.timeNow()))
		return err
	})
}

// dropMembers takes blocks out of a partition and drops them from its view.
func dropMembers(ctx context.Context, s *session, view View, partition int64, drop []telemetry.BlockID) error {
	var numbers []any
	err := listBatches(ids(drop), func(values []any) error {
		args := append([]any{string(view), partition}, values...)
		return s.each(ctx, query{name: "member_numbers", n: len(values), args: args}, collectNumbers(&numbers))
	})
	if err != nil {
		return err
	}
	if len(numbers) != len(drop) {
		return ErrLostClaim
	}
	if _, err := s.inBatches(ctx, "drop_members", numbers, string(view), partition); err != nil {
		return err
	}
	_, err = s.inBatches(ctx, "insert_dropped", numbers, string(view))
	return err
}

// collectNumbers appends a row's only column, a number, to list.
func collectNumbers(list *[]any) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var no int64
		if err := rows.Scan(&no); err != nil {
			return err
		}
		*list = append(*list, no)
		return nil
	}
}
