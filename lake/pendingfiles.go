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
	// joinFiles is from how many small files on they are joined into a larger one beside the queries; see join.
	joinFiles = 16
	// manyFiles is how many small files a query bears; it joins more of them itself.
	manyFiles = 32
)

// pendingFiles holds the blocks of one view that no partition holds yet, decoded into files of this node. A file serves
// queries as long as every block in it is pending; when one of them has got into a partition, the others are decoded
// anew, so that no block is ever read twice.
type pendingFiles struct {
	view *view
	turn chan struct{} // capacity 1: who holds it may use the fields below

	files   []*pendingFile
	joining bool
	gone    map[telemetry.BlockID]time.Time // blocks whose payload the store does not have, and when to look again
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
	if small := p.crowded(manyFiles); small > 0 {
		p.drop(func(f *pendingFile) bool { return f.bytes < small })
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
		f, bad, err := decodePending(ctx, l, p.view, todo[:n])
		if err != nil {
			return nil, 0, err
		}
		p.note(ctx, l, bad)
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
	p.startJoin(l, byID)
	return files, leftOut, nil
}

// note remembers which blocks cannot be read, so that each is said once. Maintenance counts the failures and puts the block
// into quarantine; here it is only left out.
func (p *pendingFiles) note(ctx context.Context, l *Lake, bad []*unreadable) {
	for _, b := range bad {
		if _, known := p.gone[b.id]; !known {
			l.log.WarnContext(ctx, "block left out of a query", "view", p.view.name, "block_id", b.id, "err", b.err)
		}
		if delete(p.gone, b.id); b.err.gone {
			p.gone[b.id] = l.now().Add(lookAgain)
		}
	}
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

// crowded returns a size below which there are at least so many files, or 0. The smallest come first, so that a block is
// decoded anew once for each step in size, not at every turn. Large files stay, however many there are.
func (p *pendingFiles) crowded(many int) int64 {
	for small := int64(decodeBytes / 16); small <= decodeBytes/2; small *= 8 {
		n := 0
		for _, f := range p.files {
			if f.bytes < small {
				n++
			}
		}
		if n >= many {
			return small
		}
	}
	return 0
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

// unreadable is a block that cannot be decoded.
type unreadable struct {
	id  telemetry.BlockID
	err *decodeError
}

// decodePending writes a file with the rows of blocks; those whose payload is gone are not among the blocks of the file.
func decodePending(ctx context.Context, l *Lake, v *view, blocks []*catalog.PendingBlock) (*pendingFile, []*unreadable, error) {
	out, err := createFile(l.cache.temp(), v, passing)
	if err != nil {
		return nil, nil, err
	}
	f := &pendingFile{}
	bad, err := f.write(ctx, l, out, blocks)
	if err != nil {
		out.abandon()
		return nil, nil, err
	}
	size, err := out.close()
	if err != nil {
		return nil, nil, err
	}
	f.file, f.rows, f.min, f.max = l.cache.adopt(out.path, size), out.rows, out.min, out.max
	return f, bad, nil
}

func (f *pendingFile) write(ctx context.Context, l *Lake, out *parquetFile, blocks []*catalog.PendingBlock) (bad []*unreadable, err error) {
	m := newMaker(out.view)
	for _, b := range blocks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f.bytes += b.Block.PayloadSize
		_, err := l.addWhole(ctx, m, b)
		of, isBad := errors.AsType[*decodeError](err)
		if err != nil && !isBad {
			return nil, err
		}
		if isBad {
			bad = append(bad, &unreadable{b.Block.ID, of})
			if of.gone {
				continue
			}
			f.leftOut++
		}
		f.blocks = append(f.blocks, b.Block.ID)
		if m.collected().full() {
			if err := out.write(m.collected()); err != nil {
				return nil, err
			}
		}
	}
	return bad, out.write(m.collected())
}
