package lake

import (
	"context"

	"github.com/micromegas-go/micromegas/catalog"
)

// FailedBlocks returns the blocks that wait for a view and could not be decoded, those in quarantine among them.
func (l *Lake) FailedBlocks(ctx context.Context) ([]catalog.PendingBlock, error) {
	var list []catalog.PendingBlock
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		list, err = r.FailedPending(ctx)
		return err
	})
	return list, readFaultOrNil(ctx, err)
}

// RequeueQuarantined takes the blocks of a view out of quarantine and returns how many they were.
func (l *Lake) RequeueQuarantined(ctx context.Context, set string) (int64, error) {
	view, err := checkSet(set)
	if err != nil {
		return 0, err
	}
	n, err := l.catalog.RequeueQuarantined(ctx, view)
	return n, writeFault(ctx, err)
}
