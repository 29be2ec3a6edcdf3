package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/objstore"
)

// removeWaste deletes segments of which no block is left, and writes what is left of others anew when deleted blocks must
// not stay, or take as much as the rest. It waits as long as a query may read the old place, and longer than a segment may
// grow.
func (l *Lake) removeWaste(ctx context.Context) error {
	before := l.clock() - max(telemetryDuration(l.maintain.KeepRetired), telemetryDuration(2*growTime))
	for {
		var list []catalog.SegmentWaste
		err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
			list, err = r.WastedSegments(ctx, before, 64)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		var errs []error
		for _, w := range list {
			err := l.removeWasteOf(ctx, w)
			if err != nil && ctx.Err() == nil { // it must not keep the others
				err = errors.Join(fmt.Errorf("segment %s: %w", w.Segment, err), l.catalog.PostponeWaste(ctx, w.Segment))
			}
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
}

func (l *Lake) removeWasteOf(ctx context.Context, w catalog.SegmentWaste) error {
	switch {
	case w.Blocks == 0:
		if err := l.objects.Delete(ctx, w.Segment); err != nil {
			return err
		}
		return l.catalog.ForgetWaste(ctx, w.Segment)
	case w.Erase || w.Freed >= w.Bytes:
		err := l.moveSegment(ctx, w.Segment)
		switch {
		case errors.Is(err, catalog.ErrLostClaim): // some of its blocks were deleted meanwhile, which is noted
			return nil
		case errors.Is(err, objstore.ErrNotFound): // nothing is left to delete
			return l.catalog.ForgetWaste(ctx, w.Segment)
		}
		return err
	default:
		return l.catalog.LeaveWaste(ctx, w)
	}
}

// moveSegment writes the blocks of a segment into a new one, and says so. The old one goes later.
func (l *Lake) moveSegment(ctx context.Context, old string) error {
	var blocks []catalog.BlockRecord
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		blocks, err = r.SegmentBlocks(ctx, old)
		return err
	})
	if err != nil {
		return err
	}
	key := newSegment(l.now())
	payloads := make([][]byte, len(blocks)) // a segment holds little more than growBytes
	offset := int64(0)
	for i := range blocks {
		// As they are: what is damaged stays so, and keeps its checksum that tells.
		at := blocks[i].Location
		if payloads[i], err = l.objects.GetRange(ctx, old, at.Offset, at.Size); err != nil {
			return err
		}
		blocks[i].Location.Segment, blocks[i].Location.Offset = key, offset
		offset += blocks[i].Location.Size
	}
	if err := l.objects.Put(ctx, key, join(payloads)); err != nil {
		return err
	}
	return l.commitFile(ctx, key, func(ctx context.Context) error { return l.catalog.MoveBlocks(ctx, old, blocks) })
}
