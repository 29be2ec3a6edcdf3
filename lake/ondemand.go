package lake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// onDemand returns a file, held, with the rows of a view that is made when it is asked for, from the blocks of p; nil when
// there are none. The file is kept for later queries on the same blocks.
func (l *Lake) onDemand(ctx context.Context, p *plan) (*localFile, error) {
	sources := p.sources()
	if len(sources) == 0 {
		return nil, nil
	}
	return l.cache.get(ctx, p.cacheName(sources), func(ctx context.Context, path string) (int64, error) {
		return l.makeOnDemand(ctx, p.view, sources, path)
	})
}

func (l *Lake) makeOnDemand(ctx context.Context, v *view, sources []*catalog.PendingBlock, path string) (int64, error) {
	out, err := createFile(path, v, passing)
	if err != nil {
		return 0, err
	}
	m := newMaker(v)
	for _, b := range sources {
		err := ctx.Err()
		var s *source
		if err == nil {
			s, err = l.open(ctx, b)
		}
		if err == nil {
			err = m.add(s)
		}
		if _, bad := errors.AsType[*decodeError](err); bad {
			l.log.WarnContext(ctx, "block not read to its end", "view", v.name, "block_id", b.Block.ID, "err", err)
			err = nil
		}
		if err == nil && m.collected().full() {
			err = out.write(m.collected())
		}
		if err != nil {
			out.abandon()
			return 0, err
		}
	}
	m.finish()
	if err := out.write(m.collected()); err != nil {
		out.abandon()
		return 0, err
	}
	return out.close()
}

// sources returns the joined blocks of p that can be decoded, in the order of their ticks.
func (p *plan) sources() []*catalog.PendingBlock {
	sources := slices.DeleteFunc(p.joined(), func(b *catalog.PendingBlock) bool {
		return b.Stream.Format != telemetry.FormatNative
	})
	slices.SortStableFunc(sources, func(a, b *catalog.PendingBlock) int {
		return cmp.Or(
			cmp.Compare(a.Block.BeginTicks, b.Block.BeginTicks),
			cmp.Compare(a.Block.ObjectOffset, b.Block.ObjectOffset),
		)
	})
	return sources
}

// joined returns the blocks of p with their streams and processes, without blocks for which one of them is missing.
func (p *plan) joined() []*catalog.PendingBlock {
	byStream := make(map[telemetry.StreamID]*catalog.StreamRecord, len(p.streams))
	for i := range p.streams {
		byStream[p.streams[i].ID] = &p.streams[i]
	}
	byProcess := make(map[telemetry.ProcessID]*catalog.ProcessRecord, len(p.processes))
	for i := range p.processes {
		byProcess[p.processes[i].ID] = &p.processes[i]
	}
	var sources []*catalog.PendingBlock
	for i := range p.blocks {
		b := &catalog.PendingBlock{Block: p.blocks[i], Stream: byStream[p.blocks[i].StreamID], Process: byProcess[p.blocks[i].ProcessID]}
		if b.Stream != nil && b.Process != nil {
			sources = append(sources, b)
		}
	}
	return sources
}

// cacheName identifies the rows of p: by its view, its blocks, and the clock with which their ticks are read.
func (p *plan) cacheName(sources []*catalog.PendingBlock) string {
	h := sha256.New()
	for _, s := range sources {
		h.Write(s.Block.ID[:])
	}
	clock := (&source{PendingBlock: sources[0]}).spanClock()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(clock.Frequency()))) // any bits do
	return fmt.Sprintf("%s-%d-%s", p.view.name, p.view.version, hex.EncodeToString(h.Sum(nil)))
}

func writeFile(path string, data []byte) (int64, error) {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return 0, fmt.Errorf("write a cached file: %w", err)
	}
	return int64(len(data)), nil
}
