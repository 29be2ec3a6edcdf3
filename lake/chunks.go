package lake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"slices"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Views that are made when they are asked for are kept in chunks: files with the rows of some consecutive blocks, made
// once and used by every query that reads these blocks. A process or stream that grows adds chunks at its end; only the
// blocks of the last, unfinished one are decoded again.

const (
	// coarseBytes is about how much payload a chunk has. The blocks at either end of what a query reads, which are not
	// enough for a chunk, are divided into fine ones of about fineBytes: so a new block has little decoded anew, and so
	// has a range whose begin moves.
	coarseBytes = 4 << 20
	fineBytes   = 256 << 10
	// longest bounds chunks in units of the two above: a chunk without end would be all tail.
	longest = 4
)

// cut says whether chunks end behind a block.
type cut uint8

const (
	noCut cut = iota
	fineCut
	coarseCut
)

// cutAfter decides by the block alone, so that chunks are the same for all queries, wherever their range begins: the
// larger a block, the likelier a chunk ends with it. Coarse cuts are fine ones too.
func cutAfter(b *catalog.PendingBlock) cut {
	h := fnv.New64a()
	_, _ = h.Write(b.Block.ID[:])
	dice := h.Sum64()
	dice ^= dice >> 33 // ids may differ in few bits; see "finalizer" of MurmurHash3
	dice *= 0xff51afd7ed558ccd
	dice ^= dice >> 33
	dice *= 0xc4ceb9fe1a85ec53
	dice ^= dice >> 33
	within := func(bytes uint64) bool {
		size := uint64(max(b.Block.PayloadSize, 1))
		return size >= bytes || dice < size*(math.MaxUint64/bytes)
	}
	switch {
	case within(coarseBytes):
		return coarseCut
	case within(fineBytes):
		return fineCut
	default:
		return noCut
	}
}

// divide returns the chunks of blocks, which are in their final order.
func divide(blocks []*catalog.PendingBlock) [][]*catalog.PendingBlock {
	cuts := make([]cut, len(blocks))
	first, last := -1, -1 // coarse cuts
	for i, b := range blocks {
		if cuts[i] = cutAfter(b); cuts[i] == coarseCut {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	var chunks [][]*catalog.PendingBlock
	from, bytes := 0, int64(0)
	for i, b := range blocks {
		bytes += b.Block.PayloadSize
		want, size := fineCut, int64(fineBytes)
		if first < i && i <= last {
			want, size = coarseCut, coarseBytes
		}
		if cuts[i] >= want || bytes >= longest*size || i == len(blocks)-1 {
			chunks = append(chunks, blocks[from:i+1])
			from, bytes = i+1, 0
		}
	}
	return chunks
}

// chunkMaker makes the rows of one chunk.
type chunkMaker interface {
	maker
	// summary returns what else is to be known about the chunk, after finish; nil when the rows say it all.
	summary() any
}

// chunk returns the file of some blocks, held, made by a maker from start if need be. What start depends on but the
// blocks is in state.
func (l *Lake) chunk(ctx context.Context, v *view, blocks []*catalog.PendingBlock, state []byte, start func() chunkMaker) (*localFile, error) {
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(state))))
	h.Write(state)
	for _, b := range blocks {
		h.Write(b.Block.ID[:])
	}
	name := fmt.Sprintf("%s-%d-%s", v.name, v.version, hex.EncodeToString(h.Sum(nil)))
	f, err := l.cache.obtain(ctx, name, func(ctx context.Context, path string) (made, error) {
		m := start()
		out, err := createFile(path, v, passing)
		if err != nil {
			return made{}, err
		}
		leftOut, gone, err := l.fillChunk(ctx, out, m, blocks)
		if err != nil {
			out.abandon()
			return made{}, err
		}
		size, err := out.close()
		return made{size: size, about: aboutChunk{out.rows, m.summary(), leftOut, gone}}, err
	})
	if err == nil && f.about.(aboutChunk).gone {
		l.cache.forget(f) // the payload may be there again for the next query
	}
	return f, err
}

// aboutChunk is what is known of a chunk besides its file.
type aboutChunk struct {
	rows    int64
	summary any
	leftOut int  // blocks that cannot be read, or not to their end
	gone    bool // one of them because the store does not have its payload
}

func (l *Lake) fillChunk(ctx context.Context, out *parquetFile, m chunkMaker, blocks []*catalog.PendingBlock) (
	leftOut int, gone bool, err error,
) {
	for _, b := range blocks {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		s, err := l.open(ctx, b)
		if err == nil {
			err = m.add(s)
		}
		if bad, isBad := errors.AsType[*decodeError](err); isBad {
			l.log.WarnContext(ctx, "block not read to its end", "view", out.view.name, "block_id", b.Block.ID, "err", err)
			leftOut, gone, err = leftOut+1, gone || bad.gone, nil
		}
		if err == nil && m.collected().full() {
			m.collected().sort()
			err = out.write(m.collected())
		}
		if err != nil {
			return 0, false, err
		}
	}
	m.finish()
	m.collected().sort()
	return leftOut, gone, out.write(m.collected())
}

// format is that of the streams whose blocks a view is made from on demand.
func (v *view) format() string {
	if v == otelSpans {
		return telemetry.FormatOTLPTraces
	}
	return telemetry.FormatNative
}

// sources returns the joined blocks of p that the view is made from, each stream's in the order of its ticks; with
// byStream the streams one after the other.
func (p *plan) sources(byStream bool) []*catalog.PendingBlock {
	sources := slices.DeleteFunc(p.joined(), func(b *catalog.PendingBlock) bool { return b.Stream.Format != p.view.format() })
	slices.SortStableFunc(sources, func(a, b *catalog.PendingBlock) int {
		if byStream {
			if d := slices.Compare(a.Block.StreamID[:], b.Block.StreamID[:]); d != 0 {
				return d
			}
		}
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

func writeFile(path string, data []byte) (int64, error) {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return 0, fmt.Errorf("write a cached file: %w", err)
	}
	return int64(len(data)), nil
}
