package lake

import (
	"context"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// bulkSegment is how large a segment of payloads gets that come in bulk.
const bulkSegment = 32 << 20

// InsertProcesses records processes as they were recorded elsewhere, with their insert times, in one transaction. The first
// record of an id stays.
func (l *Lake) InsertProcesses(ctx context.Context, processes []telemetry.Process) error {
	return catalogRefusal(l.catalog.InsertProcesses(ctx, processes))
}

// InsertStreams records streams like InsertProcesses. Streams of any format are taken.
func (l *Lake) InsertStreams(ctx context.Context, streams []telemetry.Stream) error {
	return catalogRefusal(l.catalog.InsertStreams(ctx, streams))
}

// InsertBlocks records blocks whose payloads come by [Lake.InsertPayloads], before or after them, in one transaction. A
// block is there once its payload is.
func (l *Lake) InsertBlocks(ctx context.Context, blocks []telemetry.Block) error {
	return catalogRefusal(l.catalog.StageBlocks(ctx, blocks))
}

// BulkPayload is the stored payload of a block, as another lake has it.
type BulkPayload struct {
	Block   telemetry.BlockID
	Stream  telemetry.StreamID
	Process telemetry.ProcessID
	Stored  []byte
}

// InsertPayloads records the payloads that next gives out, until it returns nil, in one transaction at the end. Nothing of
// them is there if it fails. The first payload of a block stays. Memory is taken for one segment at a time.
func (l *Lake) InsertPayloads(ctx context.Context, next func() (*BulkPayload, error)) error {
	w := &bulkWriter{lake: l, seen: map[telemetry.BlockID]bool{}}
	for {
		p, err := next()
		if err != nil {
			return err
		}
		if p == nil {
			return w.commit(ctx)
		}
		if err := w.add(ctx, p); err != nil {
			return err
		}
	}
}

// bulkWriter writes payloads into segments. Objects of a call that fails are orphans and removed in time.
type bulkWriter struct {
	lake    *Lake
	seen    map[telemetry.BlockID]bool
	waiting []*BulkPayload // for a segment
	size    int64
	records []catalog.PayloadRecord
	began   time.Time // when the first segment was written
}

// inTime fails when the call has taken so long that its first segment, which no record mentions yet, would soon be removed as
// an orphan.
func (w *bulkWriter) inTime() error {
	most := w.lake.maintain.KeepOrphans / 2
	if w.began.IsZero() || w.lake.now().Sub(w.began) <= most {
		return nil
	}
	return &fault.Error{
		Kind: fault.TooLarge, Msg: fmt.Sprintf("the payloads took longer than %s to arrive; none of them is stored", most),
		Fix: "send them in parts",
	}
}

func (w *bulkWriter) add(ctx context.Context, p *BulkPayload) error {
	if w.seen[p.Block] {
		return nil
	}
	w.seen[p.Block] = true
	w.waiting = append(w.waiting, p)
	w.size += int64(len(p.Stored))
	if w.size < bulkSegment {
		return nil
	}
	return w.flush(ctx, false)
}

// flush writes what waits, but not what the catalog knows already. The last few tiny payloads may live in its rows.
func (w *bulkWriter) flush(ctx context.Context, last bool) error {
	if err := w.inTime(); err != nil {
		return err
	}
	waiting := w.waiting
	w.waiting, w.size = nil, 0
	blocks := make([]telemetry.BlockID, len(waiting))
	for i, p := range waiting {
		blocks[i] = p.Block
	}
	known, err := w.lake.catalog.PayloadsKnown(ctx, blocks)
	if err != nil {
		return catalogRefusal(err)
	}
	size, inline := 0, last
	for _, p := range waiting {
		if !known[p.Block] {
			size += len(p.Stored)
			inline = inline && len(p.Stored) <= inlineBlock
		}
	}
	inline = inline && size <= inlineGroup
	segment, offset := newSegment(w.lake.now()), int64(0)
	var stored [][]byte
	for _, p := range waiting {
		if known[p.Block] {
			continue
		}
		r := catalog.PayloadRecord{Block: p.Block, Stream: p.Stream, Process: p.Process}
		r.Location.Size, r.Location.Checksum = int64(len(p.Stored)), checksum(p.Stored)
		if inline || len(p.Stored) == 0 {
			r.Location.Inline = p.Stored
		} else {
			r.Location.Segment, r.Location.Offset = segment, offset
			offset += r.Location.Size
			stored = append(stored, p.Stored)
		}
		w.records = append(w.records, r)
	}
	if len(stored) == 0 {
		return nil
	}
	if w.began.IsZero() {
		w.began = w.lake.now()
	}
	if err := w.lake.objects.Put(ctx, segment, join(stored)); err != nil {
		if ctx.Err() != nil {
			return fault.Wrap(fault.Canceled, "the request ended before the payloads were stored", err)
		}
		w.lake.log.ErrorContext(ctx, "payloads not written", "payloads", len(stored), "err", err)
		return refusal("the object store does not take payloads now", err)
	}
	return nil
}

func (w *bulkWriter) commit(ctx context.Context) error {
	if err := w.flush(ctx, true); err != nil {
		return err
	}
	if len(w.records) == 0 {
		return nil
	}
	if err := w.inTime(); err != nil {
		return err
	}
	return catalogRefusal(w.lake.catalog.StagePayloads(ctx, w.records))
}

// forgetStaged deletes halves of blocks that came whole in another way, and tells of those that wait. When there are none it
// writes nothing.
func (l *Lake) forgetStaged(ctx context.Context) error {
	waiting := func() (blocks, payloads int64, err error) {
		err = l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
			blocks, payloads, err = r.Staged(ctx)
			return err
		})
		return blocks, payloads, err
	}
	if blocks, payloads, err := waiting(); err != nil || blocks+payloads == 0 {
		return err
	}
	if err := l.catalog.ForgetStaged(ctx); err != nil {
		return err
	}
	blocks, payloads, err := waiting()
	if err == nil && blocks+payloads > 0 {
		l.log.InfoContext(ctx, "blocks and payloads of bulk ingestion wait for each other", "blocks", blocks, "payloads", payloads)
	}
	return err
}
