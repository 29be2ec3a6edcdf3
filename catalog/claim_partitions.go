package catalog

import "context"

// ClaimPartitions claims live partitions of one view and level, oldest first, for the owner's lease: those that nobody
// has, or whose lease has run out. Partitions without a file are among them. Fewer than MinFiles are not worth merging
// and left alone, unless their sum passes MaxBytes. MaxFiles 0 means 1024, MaxBytes 0 no bound, Lease 0 one minute.
func (db *DB) ClaimPartitions(ctx context.Context, c ClaimPartitions) ([]Partition, error) {
	limit := c.MaxFiles
	if limit <= 0 {
		limit = defaultClaim
	}
	var list []Partition
	err := db.write(ctx, "claim partitions of "+string(c.View), func(s *session) error {
		list = nil
		var size int64
		full := func(p Partition) bool {
			size += p.Size
			return c.MaxBytes > 0 && size > c.MaxBytes
		}
		q := query{name: "claimable_partitions", args: []any{string(c.View), c.Level, int64(db.timeNow()), limit}}
		if err := s.each(ctx, q, scanPartitions(&list, full)); err != nil {
			return err
		}
		if len(list) < c.MinFiles && (c.MaxBytes <= 0 || size <= c.MaxBytes) {
			list = nil
			return nil
		}
		claimed := make([]PartitionID, len(list))
		for i := range list {
			claimed[i] = list[i].ID
		}
		_, err := s.inBatches(ctx, "claim_partitions", ids(claimed), id(c.Owner), db.leaseEnd(c.Lease))
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// ReleasePartitions gives claimed partitions back. Those that the owner no longer has are passed over.
func (db *DB) ReleasePartitions(ctx context.Context, owner Owner, partitions []PartitionID) error {
	return db.write(ctx, "release partitions", func(s *session) error {
		_, err := s.inBatches(ctx, "release_partitions", ids(partitions), id(owner))
		return err
	})
}
