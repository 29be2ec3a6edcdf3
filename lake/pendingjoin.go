package lake

import (
	"context"
	"slices"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// startJoin begins to decode the blocks of small files into one larger file, when there are many of them, so that no query
// waits for it. Pending has all blocks of all files. The turn is held.
func (p *pendingFiles) startJoin(l *Lake, pending map[telemetry.BlockID]*catalog.PendingBlock) {
	small := p.crowded(joinFiles)
	if small == 0 || p.joining {
		return
	}
	var parts []*pendingFile
	var blocks []*catalog.PendingBlock
	var bytes int64
	for _, f := range p.files {
		if f.bytes >= small || bytes+f.bytes > decodeBytes {
			continue
		}
		bytes += f.bytes
		parts = append(parts, f)
		for _, id := range f.blocks {
			b := *pending[id] // the query that asks goes on to use its own
			blocks = append(blocks, &b)
		}
	}
	p.joining = l.cache.beside(func(ctx context.Context) { p.join(ctx, l, parts, blocks) })
}

// join puts one file with the rows of blocks in the place of parts, which have them now. When one of the parts has been
// dropped meanwhile, everything stays as it is.
func (p *pendingFiles) join(ctx context.Context, l *Lake, parts []*pendingFile, blocks []*catalog.PendingBlock) {
	whole, err := p.decodeJoined(ctx, l, blocks)
	p.turn <- struct{}{} // nobody keeps it for longer than a query takes to decode
	defer func() { <-p.turn }()
	p.joining = false
	if err != nil {
		if ctx.Err() == nil {
			l.log.WarnContext(ctx, "small files of pending blocks cannot be joined", "view", p.view.name, "err", err)
		}
		return
	}
	for _, f := range parts {
		if !slices.Contains(p.files, f) {
			whole.file.release()
			return
		}
	}
	p.drop(func(f *pendingFile) bool { return slices.Contains(parts, f) })
	p.files = append(p.files, whole)
}

// decodeJoined leaves what it cannot read for the next query to say.
func (p *pendingFiles) decodeJoined(ctx context.Context, l *Lake, blocks []*catalog.PendingBlock) (*pendingFile, error) {
	if err := l.fillInline(ctx, blocks); err != nil {
		return nil, err
	}
	f, _, err := decodePending(ctx, l, p.view, blocks)
	return f, err
}
