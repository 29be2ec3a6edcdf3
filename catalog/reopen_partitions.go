package catalog

import "context"

// ReopenPartitions sets live partitions aside whose files are broken, for the reason cause: they retire, and their members
// are pending again, to be read from the blocks and materialised anew. Claims do not hinder it: who was merging one of them
// loses the claim. The files are kept apart from those of other retired partitions, see SetAside. Partitions that are not
// live are passed over; it returns how many were.
func (db *DB) ReopenPartitions(ctx context.Context, partitions []PartitionID, cause string) (int64, error) {
	list := distinct(partitions)
	var reopened int64
	err := db.write(ctx, "reopen partitions", func(s *session) error {
		var err error
		reopened, err = s.inBatches(ctx, "reopen_partitions", ids(list), int64(db.timeNow()), clean(cause))
		if err != nil || reopened == 0 {
			return err
		}
		// Those of the list that retired before have no members and add nothing.
		if _, err := s.inBatches(ctx, "pending_of_members", ids(list)); err != nil {
			return err
		}
		_, err = s.inBatches(ctx, "delete_members_of", ids(list))
		return err
	})
	return reopened, err
}
