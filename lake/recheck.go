package lake

import (
	"context"
	"errors"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// usedPartition is a partition whose file a snapshot reads.
type usedPartition struct {
	partition catalog.Partition
	file      *localFile
	counts    bool // the file is the companion
}

// Recheck is for who could not read a file of s: it reads the files of all partitions from end to end and compares them with
// what was recorded. Broken ones are set aside, damaged copies of this node forgotten, so that the next snapshot does without
// them; then the error is a fault of kind Unavailable. It is nil when no file is damaged.
func (s *Snapshot) Recheck(ctx context.Context) error {
	damaged := 0
	for i := range s.used {
		u := &s.used[i]
		if u.counts {
			if s.lake.recheckCompanion(ctx, u) {
				damaged++
			}
			continue
		}
		if materialised(u.partition.View).isOld(&u.partition) {
			continue // a file of this node's own
		}
		err := checkWhole(ctx, &u.partition, u.file.path)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return readFault(ctx, err)
		case u.file.cache != nil:
			s.lake.log.WarnContext(ctx, "copy of a partition is damaged and will be fetched again", "partition_id", u.partition.ID, "err", err)
			s.lake.cache.forget(u.file)
		default:
			if err := s.lake.setAside(ctx, &brokenError{u.partition, err}); err != nil {
				return readFault(ctx, err)
			}
		}
		damaged++
	}
	if damaged == 0 {
		return nil
	}
	return &fault.Error{
		Kind: fault.Unavailable, Msg: "a file that the query needs is damaged", Fix: "ask again: its rows are read from elsewhere now",
		Err: errors.New("set aside, or to be fetched again"),
	}
}
