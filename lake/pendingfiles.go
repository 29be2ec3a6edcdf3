package lake

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

const (
	// decodeBytes is the sum of payloads that are decoded into one file.
	decodeBytes = 8 << 20
	// manyFiles is from how many small files on they are decoded anew into larger ones.
	manyFiles = 32
)

// pendingFiles holds the blocks of one view that no partition holds yet, decoded into files of this node. A file serves
// queries as long as every block in it is pending; when one of them has got into a partition, the others are decoded
// anew, so that no block is ever read twice.
type pendingFiles struct {
	view *view
	turn chan struct{} // capacity 1: who holds it may use the fields below

	files []*pendingFile
	gone  map[telemetry.BlockID]time.Time // blocks whose payload the store does not have, and when to look again
}

type pendingFile struct {
	file     *localFile
	blocks   []telemetry.BlockID
	bytes    int64          // of payload
	min, max telemetry.Time // of its events
	rows     int64
	leftOut  int // blocks of it that cannot be decoded
}

// lookAgain is how long a payload that the store does not have is not asked for again.
const lookAgain = 10 * time.Second

func newPendingFiles(v *view) *pendingFiles {
	return &pendingFiles{view: v, turn: make(chan struct{}, 1), gone: map[telemetry.BlockID]time.Time{}}
}

// read returns files, held, with the rows of all blocks of pending that can be read, without files that hold no event in
// during or, when a process is given, none of that process, whose blocks alone are then decoded; and how many blocks are left
// out. Pending must be complete: a file with a block that is missing from it is thrown away.
func (p *pendingFiles) read(ctx context.Context, l *Lake, pending []catalog.PendingBlock, during telemetry.Range, process telemetry.ProcessID) (
	files []*localFile, leftOut int, err error,
) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	of := func(b *catalog.PendingBlock) bool { return process.IsZero() || b.Block.ProcessID == process }
	byID := make(map[telemetry.BlockID]*catalog.PendingBlock, len(pending))
	for i := range pending {
		if !pending[i].Quarantined {
			byID[pending[i].Block.ID] = &pending[i]
		} else if of(&pending[i]) {
			leftOut++
		}
	}
	maps.DeleteFunc(p.gone, func(id telemetry.BlockID, _ time.Time) bool { return byID[id] == nil })
	p.drop(func(f *pendingFile) bool {
		return slices.ContainsFunc(f.blocks, func(id telemetry.BlockID) bool { return byID[id] == nil })
	})
	// The smallest go first, so that a block is decoded anew once for each step in size, not at every turn. Large files stay,
	// however many there are.
	for small := int64(decodeBytes / 16); small <= decodeBytes/2; small *= 8 {
		if p.below(small) >= manyFiles {
			p.drop(func(f *pendingFile) bool { return f.bytes < small })
		}
	}
	decoded := map[telemetry.BlockID]bool{}
	for _, f := range p.files {
		for _, id := range f.blocks {
			decoded[id] = true
		}
	}
	var todo []*catalog.PendingBlock
	now := l.now()
	for i := range pending {
		b := &pending[i]
		if !b.Quarantined && of(b) && !decoded[b.Block.ID] && !now.Before(p.gone[b.Block.ID]) {
			todo = append(todo, b)
		}
	}
	for len(todo) > 0 {
		n, bytes := 0, int64(0)
		for n < len(todo) && (n == 0 || bytes+todo[n].Block.PayloadSize <= decodeBytes) {
			bytes += todo[n].Block.PayloadSize
			n++
		}
		if err := l.fillInline(ctx, todo[:n]); err != nil {
			return nil, 0, err
		}
		f, err := p.decode(ctx, l, todo[:n])
		if err != nil {
			return nil, 0, err
		}
		f.bytes = bytes
		p.files = append(p.files, f)
		todo = todo[n:]
	}
	for id := range p.gone {
		if of(byID[id]) {
			leftOut++
		}
	}
	for _, f := range p.files {
		if !process.IsZero() && !slices.ContainsFunc(f.blocks, func(id telemetry.BlockID) bool { return of(byID[id]) }) {
			continue
		}
		leftOut += f.leftOut
		if f.rows > 0 && during.Overlaps(f.min, f.max) {
			f.file.hold()
			files = append(files, f.file)
		}
	}
	p.keepWithin(l.cache.max / 2)
	return files, leftOut, nil
}

// keepWithin drops files until the others have at most so many bytes. The first stay: to decode the same rest for each query
// costs less than to decode all of it in turns. What a query holds stays until it has ended.
func (p *pendingFiles) keepWithin(bytes int64) {
	var sum int64
	p.drop(func(f *pendingFile) bool {
		if sum+f.file.size > bytes {
			return true
		}
		sum += f.file.size
		return false
	})
}

// fillInline reads the payloads that live in the catalog. Blocks never change; one that was deleted since is left as if its
// payload were gone.
func (l *Lake) fillInline(ctx context.Context, blocks []*catalog.PendingBlock) error {
	var ids []telemetry.BlockID
	for _, b := range blocks {
		if b.Block.Location.Segment == "" {
			ids = append(ids, b.Block.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var payloads map[telemetry.BlockID][]byte
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		payloads, err = r.Payloads(ctx, ids)
		return err
	})
	for _, b := range blocks {
		if b.Block.Location.Segment == "" {
			b.Block.Location.Inline = payloads[b.Block.ID]
		}
	}
	return err
}

// below returns how many files have less than so many bytes of payload.
func (p *pendingFiles) below(bytes int64) (n int) {
	for _, f := range p.files {
		if f.bytes < bytes {
			n++
		}
	}
	return n
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
		_, err := l.addWhole(ctx, m, b)
		bad, isBad := errors.AsType[*decodeError](err)
		if err != nil && !isBad {
			return err
		}
		if isBad {
			// Maintenance counts the failures and puts the block into quarantine; here it is only left out.
			if _, known := p.gone[b.Block.ID]; !known {
				l.log.WarnContext(ctx, "block left out of a query", "view", p.view.name, "block_id", b.Block.ID, "err", err)
			}
			if bad.gone {
				p.gone[b.Block.ID] = l.now().Add(lookAgain)
				continue
			}
			f.leftOut++
		}
		delete(p.gone, b.Block.ID)
		f.blocks = append(f.blocks, b.Block.ID)
		if m.collected().full() {
			if err := out.write(m.collected()); err != nil {
				return err
			}
		}
	}
	return out.write(m.collected())
}
