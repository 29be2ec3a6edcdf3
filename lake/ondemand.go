package lake

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/micromegas-go/micromegas/catalog"
)

// onDemand fills t with a view that is made when it is asked for, from the blocks of p. The files it returns are held, also
// after an error.
func (l *Lake) onDemand(ctx context.Context, p *plan, t *Table) ([]*localFile, error) {
	switch p.view {
	case threadSpans:
		return l.threadTable(ctx, p, t)
	case netSpans:
		return l.netTable(ctx, p, t)
	case asyncEvents:
		sources := p.sources(false)
		held, err := l.chunks(ctx, asyncChunks, sources, func() chunkMaker { return newAsyncRows() })
		t.clocked(p, sources, held)
		return held, err
	case images:
		held, err := l.chunks(ctx, images, p.sources(false), func() chunkMaker { return newImageRows() })
		t.Files = paths(held)
		return held, err
	case otelSpans:
		held, err := l.chunks(ctx, otelSpans, p.sources(false), func() chunkMaker { return newOtelRows() })
		t.Files = paths(held)
		return held, err
	default:
		panic("lake: " + p.view.name + " is not made on demand")
	}
}

// chunks returns the files of a view whose rows come from one block each. They are held, also after an error.
func (l *Lake) chunks(ctx context.Context, v *view, sources []*catalog.PendingBlock, start func() chunkMaker) ([]*localFile, error) {
	var held []*localFile
	for _, blocks := range divide(sources) {
		f, err := l.chunk(ctx, v, blocks, nil, start)
		if err != nil {
			return held, err
		}
		held = append(held, f)
	}
	return held, nil
}

// netTable makes the net spans of a process. Each chunk continues what the one before it left open.
func (l *Lake) netTable(ctx context.Context, p *plan, t *Table) (held []*localFile, err error) {
	sources := p.sources(true)
	for _, stream := range streamsOf(sources) {
		var state netState
		for _, blocks := range divide(stream) {
			text, err := json.Marshal(state)
			if err != nil {
				return held, fmt.Errorf("net spans: %w", err)
			}
			f, err := l.chunk(ctx, netChunks, blocks, text, func() chunkMaker { return newNetRows(state) })
			if err != nil {
				return held, err
			}
			held = append(held, f)
			state = f.about.(aboutChunk).summary.(netState)
		}
	}
	t.clocked(p, sources, held)
	return held, nil
}

// threadTable makes the thread spans of a stream: its chunks, and what puts them together.
func (l *Lake) threadTable(ctx context.Context, p *plan, t *Table) (held []*localFile, err error) {
	sources := p.sources(true)
	if len(sources) == 0 {
		return nil, nil
	}
	name := sha256.New()
	var runs [][]threadRun
	for _, blocks := range divide(sources) {
		f, err := l.chunk(ctx, threadChunks, blocks, nil, func() chunkMaker { return newThreadRows(l.segment.Add(1) << 32) })
		if err != nil {
			return held, err
		}
		held = append(held, f)
		of := f.about.(aboutChunk).summary.([]threadRun)
		runs = append(runs, of)
		for i := range of {
			name.Write(binary.LittleEndian.AppendUint64(nil, uint64(of[i].segment)))
		}
	}
	made := sync.OnceValue(func() stitched { return stitch(sources[0].Stream.ThreadName(), runs) })
	id := hex.EncodeToString(name.Sum(nil))
	rows, err := l.cache.get(ctx, "thread_rows-"+id, func(_ context.Context, path string) (int64, error) {
		return writeRows(path, made().rows.rows)
	})
	if err != nil {
		return held, err
	}
	held = append(held, rows)
	links, err := l.cache.get(ctx, "thread_links-"+id, func(_ context.Context, path string) (int64, error) {
		return writeRows(path, made().links)
	})
	if err != nil {
		return held, err
	}
	t.threads(sources, held, links)
	return append(held, links), nil
}

func writeRows(path string, r *rows) (int64, error) {
	out, err := createFile(path, r.view, passing)
	if err != nil {
		return 0, err
	}
	r.sort()
	if err := out.write(r); err != nil {
		out.abandon()
		return 0, err
	}
	return out.close()
}

// streamsOf cuts sources, which are ordered by stream, where the stream changes.
func streamsOf(sources []*catalog.PendingBlock) (streams [][]*catalog.PendingBlock) {
	from := 0
	for i := range sources {
		if i+1 == len(sources) || sources[i+1].Block.StreamID != sources[i].Block.StreamID {
			streams = append(streams, sources[from:i+1])
			from = i + 1
		}
	}
	return streams
}

func paths(files []*localFile) []string {
	var list []string
	for _, f := range files {
		list = append(list, f.path)
	}
	return list
}
