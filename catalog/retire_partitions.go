package catalog

import (
	"context"
	"fmt"
)

// RetirePartitions gives the blocks of live partitions back: they become pending, with no failed attempts, and the
// partitions retire, in one transaction, so that readers miss nothing. Whoever has claimed one of the partitions loses
// the claim. ErrNotFound means that one of them is not live any more, and that nothing was changed.
func (db *DB) RetirePartitions(ctx context.Context, partitions []PartitionID) error {
	list := distinct(partitions)
	return db.write(ctx, fmt.Sprintf("retire %d partitions", len(list)), func(s *session) error {
		retired, err := s.inBatches(ctx, "retire_live", ids(list), int64(db.timeNow()))
		if err != nil {
			return err
		}
		if retired != int64(len(list)) {
			return ErrNotFound
		}
		if _, err := s.inBatches(ctx, "pending_of_members", ids(list)); err != nil {
			return err
		}
		_, err = s.inBatches(ctx, "delete_members_of", ids(list))
		return err
	})
}
