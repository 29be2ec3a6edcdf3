package lake

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"hash/crc32"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/internal/perfetto"
	"github.com/micromegas-go/micromegas/telemetry"
)

// traceChunks are the columns of a trace in pieces.
var traceChunks = &view{
	name: "perfetto_trace_chunks", version: 1, plain: []string{"chunk_data"},
	schema: arrow.NewSchema([]arrow.Field{
		required("chunk_id", typeInt32),
		required("chunk_data", typeBytes),
	}, nil),
}

// TraceChunksSchema returns the columns of [Lake.TraceChunks].
func TraceChunksSchema() *arrow.Schema { return traceChunks.schema }

// TraceChunks returns the spans of a process as a trace of Perfetto's in pieces that are numbered from 0. The table is one
// file, which is kept for the next question: a trace of millions of spans is in memory at no time. The error is
// ErrNoProcess, or a fault.
func (l *Lake) TraceChunks(ctx context.Context, id telemetry.ProcessID, types SpanTypes, during telemetry.Range) (*Snapshot, error) {
	of, err := l.spansOf(ctx, id, types, during)
	if err != nil {
		return nil, err
	}
	defer of.close()
	f, err := l.cache.get(ctx, of.name("trace"), func(ctx context.Context, path string) (int64, error) {
		return of.trace(ctx, path)
	})
	if err != nil {
		return nil, readFault(ctx, err)
	}
	return &Snapshot{
		Tables:  []*Table{{Schema: traceChunks.schema, Files: []string{f.path}, OrderBy: "chunk_id"}},
		release: f.release,
	}, nil
}

// trace writes the file of pieces.
func (of *spansOfProcess) trace(ctx context.Context, path string) (int64, error) {
	out, err := createFile(path, traceChunks, passing)
	if err != nil {
		return 0, err
	}
	r := newRows(traceChunks)
	number, data := r.cols[0].(*numbers[int32]), r.cols[1].(*text)
	next := int32(0)
	w := perfetto.NewWriter(func(chunk []byte) error {
		if next < 0 {
			return errors.New("the trace has too many pieces")
		}
		number.add(next)
		data.add(string(chunk))
		next++
		if r.bytes() < traceRowGroup {
			return nil
		}
		return out.write(r)
	})
	if err = of.writeTrace(ctx, w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = out.write(r)
	}
	if err != nil {
		out.abandon()
		return 0, err
	}
	return out.close()
}

// traceRowGroup is how many bytes of pieces are in memory before they are written.
const traceRowGroup = 16 << 20

// writeTrace writes descriptors, the spans of threads, and asynchronous spans.
func (of *spansOfProcess) writeTrace(ctx context.Context, w *perfetto.Writer) error {
	p := &of.process
	pid := int32(crc32.ChecksumIEEE(p.ID[:])&0x3fffffff) + 1 // a process has no number of its own here, and 0 means the idle one
	err := w.Process(perfetto.Process{
		PID: pid, Name: p.Exe, Command: []string{p.Exe},
		Labels: []string{"process_id " + p.ID.String(), "computer " + p.Computer, "user " + p.Username},
	})
	if err != nil {
		return err
	}
	threads := make([]perfetto.Track, len(of.threads))
	used := map[int32]bool{}
	for i := range threads {
		s := &of.streams[i]
		if threads[i], err = w.Thread(threadNumber(s.Properties["thread-id"], used), s.ThreadName()); err != nil {
			return err
		}
	}
	var async perfetto.Track
	if of.async != nil {
		if async, err = w.Lane("async", 0); err != nil {
			return err
		}
	}
	if err := of.eachThread(ctx, func(i int, spans spanSource) error { return of.traceThread(ctx, w, threads[i], spans) }); err != nil {
		return err
	}
	if of.async == nil {
		return nil
	}
	return of.traceAsync(ctx, w, async)
}

// threadNumber is the thread's own number where it has one that no other thread has.
func threadNumber(id string, used map[int32]bool) int32 {
	n, err := strconv.ParseInt(id, 10, 32)
	tid := int32(n)
	if err != nil || tid <= 0 {
		tid = int32(crc32.ChecksumIEEE([]byte(id))&0x3fffffff) + 1
	}
	for used[tid] {
		tid = tid&0x3fffffff + 1
	}
	used[tid] = true
	return tid
}

// traceThread writes the spans of one thread, begins and ends in the order of time.
func (of *spansOfProcess) traceThread(ctx context.Context, w *perfetto.Writer, track perfetto.Track, spans spanSource) error {
	sorted := newSorter(of.lake.cache.temp, func(a, b *spanRow) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.depth, b.depth), cmp.Compare(a.id, b.id))
	})
	defer sorted.close()
	var names *texts
	if err := spans(func(s *spanRow, t *texts) error { names = t; return sorted.add(*s) }); err != nil {
		return err
	}
	var ends []int64 // of the open spans, innermost last
	var depths []uint32
	closing := func(depth uint32) error {
		for n := len(ends) - 1; n >= 0 && depths[n] >= depth; n-- {
			if err := w.End(track, ends[n]); err != nil {
				return err
			}
			ends, depths = ends[:n], depths[:n]
		}
		return ctx.Err()
	}
	err := sorted.each(func(s *spanRow) error {
		if err := closing(s.depth); err != nil {
			return err
		}
		end := s.end
		if n := len(ends); n > 0 {
			end = min(end, ends[n-1]) // a slice ends within the one around it
		}
		ends, depths = append(ends, max(end, s.begin)), append(depths, s.depth)
		return w.Begin(track, s.begin, slice(s, names))
	})
	if err != nil {
		return err
	}
	return closing(0)
}

// traceAsync writes asynchronous spans. They overlap as they please, but slices of one track must nest; so each begins in
// a lane where nothing is open, or inside of its parent where that has nothing else open.
func (of *spansOfProcess) traceAsync(ctx context.Context, w *perfetto.Writer, parent perfetto.Track) error {
	sorted := newSorter(of.lake.cache.temp, func(a, b *spanRow) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(b.end, a.end), cmp.Compare(a.id, b.id))
	})
	defer sorted.close()
	var names *texts
	if err := of.eachAsync(ctx, func(s *spanRow, t *texts) error { names = t; return sorted.add(*s) }); err != nil {
		return err
	}
	lanes := lanes{parent: parent, w: w}
	err := sorted.each(func(s *spanRow) error {
		if err := lanes.closeUntil(s.begin); err != nil {
			return err
		}
		track, err := lanes.open(s.end)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.Begin(track, s.begin, slice(s, names))
	})
	if err != nil {
		return err
	}
	return lanes.closeUntil(math.MaxInt64)
}

func slice(s *spanRow, t *texts) perfetto.Slice {
	return perfetto.Slice{
		Name: t.all[s.name], Category: t.all[s.target], File: t.all[s.file], Line: s.line,
		Arguments: arguments([]byte(t.all[s.properties])),
	}
}

// arguments are the properties of a span.
func arguments(properties []byte) []perfetto.Argument {
	entries, _ := jsonb.Entries(properties)
	args := make([]perfetto.Argument, 0, len(entries))
	for _, e := range entries {
		v, err := jsonb.Decode(e.Value)
		if err != nil {
			continue
		}
		switch v.(type) {
		case []any, map[string]any, nil:
			text, err := jsonb.AppendJSON(nil, e.Value)
			if err != nil {
				continue
			}
			v = perfetto.JSON(text)
		}
		args = append(args, perfetto.Argument{Name: e.Key, Value: v})
	}
	return args
}

// lanes are the tracks of asynchronous spans. In each, open spans nest.
type lanes struct {
	w      *perfetto.Writer
	parent perfetto.Track
	all    []lane
	ends   openEnds
	opened int
}

type lane struct {
	track perfetto.Track
	ends  []int64 // of the open spans, innermost last
}

// nestingLanes is in how many lanes a span looks for another one that it nests in.
const nestingLanes = 32

// open returns the track of a lane in which a span that ends then nests, or in which nothing is open.
func (l *lanes) open(end int64) (perfetto.Track, error) {
	at := -1
	for i := range l.all {
		n := len(l.all[i].ends)
		if n == 0 || i < nestingLanes && l.all[i].ends[n-1] >= end {
			at = i
			break
		}
	}
	if at < 0 {
		track, err := l.w.Lane("async", l.parent)
		if err != nil {
			return 0, err
		}
		at = len(l.all)
		l.all = append(l.all, lane{track: track})
	}
	l.all[at].ends = append(l.all[at].ends, end)
	l.opened++
	heap.Push(&l.ends, openEnd{end, l.opened, at})
	return l.all[at].track, nil
}

// closeUntil writes the ends up to a time, in order.
func (l *lanes) closeUntil(t int64) error {
	for len(l.ends) > 0 && l.ends[0].end <= t {
		e := heap.Pop(&l.ends).(openEnd)
		a := &l.all[e.lane]
		a.ends = a.ends[:len(a.ends)-1]
		if err := l.w.End(a.track, e.end); err != nil {
			return err
		}
	}
	return nil
}

// openEnd is the end of an open span.
type openEnd struct {
	end    int64
	opened int
	lane   int
}

// openEnds is a heap: the earliest end comes first; of equal ones, that of the span which was opened last.
type openEnds []openEnd

func (h openEnds) Len() int      { return len(h) }
func (h openEnds) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *openEnds) Push(x any)   { *h = append(*h, x.(openEnd)) }
func (h openEnds) Less(i, j int) bool {
	return h[i].end < h[j].end || h[i].end == h[j].end && h[i].opened > h[j].opened
}

func (h *openEnds) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}
