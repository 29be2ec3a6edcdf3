package lake

import (
	"context"
	"errors"
	"slices"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

const (
	// decodeBytes is the sum of payloads that are decoded into one file.
	decodeBytes = 8 << 20
	// manyFiles is from how many files on small ones are decoded anew into larger ones.
	manyFiles = 32
)

// pendingFiles holds the blocks of one view that no partition holds yet, decoded into files of this node. A file serves
// queries as long as every block in it is pending; when one of them has got into a partition, the others are decoded
// anew, so that no block is ever read twice.
type pendingFiles struct {
	view *view
	turn chan struct{} // capacity 1: who holds it may use the fields below

	files []*pendingFile
}

type pendingFile struct {
	file     *localFile
	blocks   []telemetry.BlockID
	bytes    int64          // of payload
	min, max telemetry.Time // of its events
	rows     int64
}

func newPendingFiles(v *view) *pendingFiles {
	return &pendingFiles{view: v, turn: make(chan struct{}, 1)}
}

// read returns files, held, with the rows of all blocks of pending, without files that hold no event in during. Pending
// must be complete: a file with a block that is missing from it is thrown away.
func (p *pendingFiles) read(ctx context.Context, l *Lake, pending []catalog.PendingBlock, during telemetry.Range) ([]*localFile, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	byID := make(map[telemetry.BlockID]*catalog.PendingBlock, len(pending))
	for i := range pending {
		if !pending[i].Quarantined {
			byID[pending[i].Block.ID] = &pending[i]
		}
	}
	p.drop(func(f *pendingFile) bool {
		return slices.ContainsFunc(f.blocks, func(id telemetry.BlockID) bool { return byID[id] == nil })
	})
	// The smallest go first, so that a block is decoded anew once for each step in size, not at every turn.
	for small := int64(decodeBytes / 16); len(p.files) >= manyFiles && small <= decodeBytes/2; small *= 8 {
		p.drop(func(f *pendingFile) bool { return f.bytes < small })
	}
	decoded := map[telemetry.BlockID]bool{}
	for _, f := range p.files {
		for _, id := range f.blocks {
			decoded[id] = true
		}
	}
	var todo []*catalog.PendingBlock
	for i := range pending {
		b := &pending[i]
		if !b.Quarantined && !decoded[b.Block.ID] {
			todo = append(todo, b)
		}
	}
	for len(todo) > 0 {
		n, bytes := 0, int64(0)
		for n < len(todo) && (n == 0 || bytes+todo[n].Block.PayloadSize <= decodeBytes) {
			bytes += todo[n].Block.PayloadSize
			n++
		}
		f, err := p.decode(ctx, l, todo[:n])
		if err != nil {
			return nil, err
		}
		f.bytes = bytes
		p.files = append(p.files, f)
		todo = todo[n:]
	}
	var files []*localFile
	for _, f := range p.files {
		if f.rows > 0 && during.Overlaps(f.min, f.max) {
			f.file.hold()
			files = append(files, f.file)
		}
	}
	return files, nil
}

func (p *pendingFiles) drop(when func(*pendingFile) bool) {
	p.files = slices.DeleteFunc(p.files, func(f *pendingFile) bool {
		if !when(f) {
			return false
		}
		f.file.release()
		return true
	})
}

func (p *pendingFiles) decode(ctx context.Context, l *Lake, blocks []*catalog.PendingBlock) (*pendingFile, error) {
	out, err := createFile(l.cache.temp(), p.view, passing)
	if err != nil {
		return nil, err
	}
	f := &pendingFile{}
	if err := p.write(ctx, l, out, f, blocks); err != nil {
		out.abandon()
		return nil, err
	}
	size, err := out.close()
	if err != nil {
		return nil, err
	}
	f.file, f.rows, f.min, f.max = l.cache.adopt(out.path, size), out.rows, out.min, out.max
	return f, nil
}

func (p *pendingFiles) write(ctx context.Context, l *Lake, out *parquetFile, f *pendingFile, blocks []*catalog.PendingBlock) error {
	m := newMaker(p.view)
	for _, b := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.blocks = append(f.blocks, b.Block.ID)
		_, err := l.addWhole(ctx, m, b)
		if _, bad := errors.AsType[*decodeError](err); bad {
			// Maintenance counts the failures and puts the block into quarantine; here it is only left out.
			l.log.WarnContext(ctx, "block left out of a query", "view", p.view.name, "block_id", b.Block.ID, "err", err)
			continue
		}
		if err != nil {
			return err
		}
		if m.collected().full() {
			if err := out.write(m.collected()); err != nil {
				return err
			}
		}
	}
	return out.write(m.collected())
}
