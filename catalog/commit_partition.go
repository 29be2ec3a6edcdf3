package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// CommitPartition records p, made from blocks that the owner claimed: they stop being pending and become its members.
// An empty File stands for blocks that decode to no rows. p.Blocks is set from the list, a zero p.Created to now.
//
// ErrLostClaim means that at least one block is no longer the owner's and nothing was changed: the file can be deleted.
// A lease that has run out without anybody taking over is still good. After any other error the commit may have
// happened; calling again with the same p settles it, since a partition that is there already is success.
func (db *DB) CommitPartition(ctx context.Context, owner Owner, p Partition, blocks []telemetry.BlockID) error {
	list := distinct(blocks)
	p.Blocks = int64(len(list))
	if err := checkPartition(p); err != nil {
		return err
	}
	if p.Blocks == 0 {
		return fmt.Errorf("commit partition %s: it has no blocks", p.ID)
	}
	return db.write(ctx, "commit partition "+p.ID.String(), func(s *session) error {
		no, err := insertPartition(ctx, s, p)
		if err != nil || no == 0 {
			return err
		}
		gone, err := s.inBatches(ctx, "delete_claimed_pending", ids(list), string(p.View), id(owner))
		if err != nil {
			return err
		}
		if gone != p.Blocks {
			return ErrLostClaim
		}
		if _, err = s.inBatches(ctx, "insert_members", ids(list), string(p.View), no); err != nil {
			return err
		}
		return setSpanOfMembers(ctx, s, no)
	})
}

func checkPartition(p Partition) error {
	switch {
	case p.ID == uuid.Nil:
		return errors.New("commit partition: it has no id")
	case !slices.Contains(Views(), p.View):
		return fmt.Errorf("commit partition %s: there is no view %q", p.ID, p.View)
	case p.File == "" && p.Rows != 0:
		return fmt.Errorf("commit partition %s: %d rows but no file", p.ID, p.Rows)
	}
	return nil
}

// insertPartition returns the number of p's new row, or 0 when p is there already.
func insertPartition(ctx context.Context, s *session, p Partition) (int64, error) {
	var found int64
	err := s.one(ctx, query{name: "partition_exists", args: []any{id(p.ID)}}, &found)
	if !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	if p.Created == 0 {
		p.Created = s.db.timeNow()
	}
	var no int64
	err = s.one(ctx, query{name: "insert_partition", args: []any{
		id(p.ID), string(p.View), p.File, p.Size, p.Rows, int64(p.MinTime), int64(p.MaxTime), p.Schema, p.Level, p.Blocks,
		int64(p.Created), int64(p.Checksum), p.Companion,
	}}, &no)
	return no, err
}

// distinct returns the ids in list, each once.
func distinct[T ~[16]byte](list []T) []T {
	seen := make(map[T]bool, len(list))
	var once []T
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			once = append(once, v)
		}
	}
	return once
}
