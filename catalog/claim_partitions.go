package catalog

import (
	"context"
	"math"
	"time"
)

// ClaimPartitions claims live partitions of one view and level, oldest first, for the owner's lease: those that nobody
// has, or whose lease has run out. Partitions without a file are among them. Fewer than MinFiles are not worth merging
// and left alone, unless their sum passes MaxBytes; so are those in a pause after a failure, see FailPartition. MaxFiles 0
// means 1024, MaxBytes 0 no bound, Lease 0 one minute.
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
		now := int64(db.timeNow())
		q := query{name: "claimable_partitions", args: []any{
			string(c.View), c.level(), c.BelowSchema, now, now, orNone(int64(c.MaxAttempts)), orNone(c.MaxFileBytes), limit,
		}}
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

// level is the level to claim; one that no partition has when others are asked for.
func (c *ClaimPartitions) level() int {
	if c.BelowSchema > 0 {
		return -1
	}
	return c.Level
}

// orNone returns a bound for a statement: n, or one that nothing reaches for 0.
func orNone(n int64) int64 {
	if n <= 0 {
		return math.MaxInt64
	}
	return n
}

// RenewPartitions lets the lease of claimed partitions begin anew. ErrLostClaim means that at least one is no longer the
// owner's.
func (db *DB) RenewPartitions(ctx context.Context, owner Owner, partitions []PartitionID, lease time.Duration) error {
	list := distinct(partitions)
	return db.write(ctx, "renew the claim of partitions", func(s *session) error {
		n, err := s.inBatches(ctx, "renew_partitions", ids(list), db.leaseEnd(lease), id(owner))
		if err == nil && n != int64(len(list)) {
			return ErrLostClaim
		}
		return err
	})
}

// FailPartition gives a claimed partition back after it could not be merged, although its file is whole. Nobody can claim
// it until pause has passed. ErrLostClaim means that the owner no longer has it.
func (db *DB) FailPartition(ctx context.Context, owner Owner, partition PartitionID, pause time.Duration) error {
	return db.write(ctx, "record a failure of partition "+partition.String(), func(s *session) error {
		n, err := s.exec(ctx, query{name: "fail_partition", args: []any{int64(db.timeNow()) + int64(pause), id(owner), id(partition)}})
		if err == nil && n != 1 {
			return ErrLostClaim
		}
		return err
	})
}

// ReleasePartitions gives claimed partitions back. Those that the owner no longer has are passed over.
func (db *DB) ReleasePartitions(ctx context.Context, owner Owner, partitions []PartitionID) error {
	return db.write(ctx, "release partitions", func(s *session) error {
		_, err := s.inBatches(ctx, "release_partitions", ids(partitions), id(owner))
		return err
	})
}
