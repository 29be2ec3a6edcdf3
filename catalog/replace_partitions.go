package catalog

import (
	"context"
	"fmt"
)

// ReplacePartitions records p, merged from old, which the owner claimed: their members move to p and they retire.
// p.Blocks is set to the sum of theirs, a zero p.Created to now. Errors mean what they mean for CommitPartition.
func (db *DB) ReplacePartitions(ctx context.Context, owner Owner, old []PartitionID, p Partition) error {
	if err := checkPartition(p); err != nil {
		return err
	}
	list := distinct(old)
	if len(list) == 0 {
		return fmt.Errorf("replace partitions by %s: none are given", p.ID)
	}
	return db.write(ctx, "replace partitions by "+p.ID.String(), func(s *session) error {
		no, err := insertPartition(ctx, s, p)
		if err != nil || no == 0 {
			return err
		}
		now := int64(db.timeNow())
		retired, err := s.inBatches(ctx, "retire_partitions", ids(list), now, string(p.View), id(owner))
		if err != nil {
			return err
		}
		if retired != int64(len(list)) {
			return ErrLostClaim
		}
		sum, err := spanOf(ctx, s, list)
		if err != nil {
			return err
		}
		if sum.blocks, err = s.inBatches(ctx, "move_members", ids(list), no); err != nil {
			return err
		}
		if !sum.known() { // a program from before the columns recorded one of them
			return setSpanOfMembers(ctx, s, no)
		}
		return setSpan(ctx, s, no, sum)
	})
}
