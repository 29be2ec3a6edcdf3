package lake

import (
	"math"
	"strings"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// threadRows makes a chunk of thread spans from consecutive blocks of one stream.
//
// Begin and end events nest like brackets, across blocks and chunks. A chunk is made without looking at any other: the
// spans that begin and end in it become rows, and what is only half in it, an end without a begin and the other way round,
// goes into the summary, for a stitcher to put together with those of other chunks. A row's depth counts from the outermost
// span that begins in the chunk, and a row there has no parent yet: both depend on the spans around the chunk. These are
// the same between one unmatched end and the next: such a segment of rows has a number, by which the stitcher tells its
// parent and depth.
type threadRows struct {
	*rows
	segment, id, parent, depth, begin, end *numbers[int64]
	hash, line                             *numbers[uint32]
	name, target, file                     *coded
	properties                             *propertySets

	texts map[string]string // one copy of each text of the summary
	room  int               // edges that the summary may still take

	done []threadRun
	run  *threadRun
	open []openSpan     // of run, outermost first
	same map[uint32]int // how many of them have a hash
	lost int            // begins that found no room and have not ended yet
	next int64          // number of the next segment
}

const (
	rootID     = -1
	rootParent = 0
	// ofSegment stands in a row for the parent that the segment has.
	ofSegment = math.MinInt64
	// maxEdges is how many unmatched begins and ends of a chunk count, and maxNesting how deep spans nest in it. Programs
	// stay far below; what is beyond is left out.
	maxEdges   = 1 << 17
	maxNesting = 1 << 16
)

// threadRun is what the summary of a chunk tells about blocks that follow one another without a gap in ticks. Ticks are
// relative to the start of the process.
type threadRun struct {
	begin, end  telemetry.Ticks // of the blocks
	first, last telemetry.Ticks // of the events; an event's tick is read before its block is chosen, so it may lie outside
	segment     int64           // of the rows before the first of ends; one more behind each
	ends        []edge          // whose begins lie before the run
	begins      []edge          // whose ends lie behind the run, outermost first
}

// edge is a begin or an end.
type edge struct {
	id                 int64 // of the event
	at                 telemetry.Ticks
	hash, line         uint32
	name, target, file string
	properties         string // of an end
}

// openSpan is a span without an end so far.
type openSpan struct {
	id         int64
	at         telemetry.Ticks
	hash, line uint32
	// codes
	name, target, file int32
}

func newThreadRows(firstSegment int64) *threadRows {
	r := newRows(threadChunks)
	r.keepCodes = true // of open spans
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	i64 := func(name string) *numbers[int64] { return r.cols[r.index(name)].(*numbers[int64]) }
	u32 := func(name string) *numbers[uint32] { return r.cols[r.index(name)].(*numbers[uint32]) }
	return &threadRows{
		rows: r, segment: i64("segment"), id: i64("id"), parent: i64("parent"), depth: i64("depth"), begin: i64("begin"),
		end: i64("end"), hash: u32("hash"), line: u32("line"), name: col("name"), target: col("target"),
		file: col("filename"), properties: newPropertySets(col("properties")),
		texts: map[string]string{}, room: maxEdges, same: map[uint32]int{}, next: firstSegment,
	}
}

func (r *threadRows) collected() *rows { return r.rows }

func (r *threadRows) summary() any { return r.done }

func (r *threadRows) add(s *source) error {
	if r.run != nil && s.Block.BeginTicks > r.run.end {
		r.finish()
	}
	if r.run == nil {
		r.run = &threadRun{begin: s.Block.BeginTicks, end: s.Block.BeginTicks, first: s.Block.BeginTicks, last: s.Block.BeginTicks, segment: r.next}
		r.next++
	}
	r.run.end = max(r.run.end, s.Block.EndTicks)
	r.properties.start()
	return s.events(func(e *wire.Event) error {
		id, at := s.Block.ObjectOffset+e.Index, e.Ticks-s.Process.StartTicks
		switch e.Kind {
		case wire.KindBeginThreadSpan:
			r.begun(id, at, e)
		case wire.KindEndThreadSpan:
			r.ended(id, at, e)
		default:
			return nil
		}
		r.run.first, r.run.last = min(r.run.first, at), max(r.run.last, at)
		return nil
	})
}

func (r *threadRows) begun(id int64, at telemetry.Ticks, e *wire.Event) {
	if len(r.open) == maxNesting {
		r.lost++
		return
	}
	r.same[e.ScopeHash]++
	r.open = append(r.open, openSpan{
		id: id, at: at, hash: e.ScopeHash, line: e.Line,
		name: r.name.code(e.Name), target: r.target.code(e.Target), file: r.file.code(e.File),
	})
}

// ended closes the innermost open span of the event's scope, and what is open inside it.
func (r *threadRows) ended(id int64, at telemetry.Ticks, e *wire.Event) {
	switch {
	case r.lost > 0:
		r.lost--
	case r.same[e.ScopeHash] > 0:
		for {
			last := len(r.open) - 1
			s := r.open[last]
			if s.hash == e.ScopeHash {
				r.close(at, r.properties.code(e.Properties))
				return
			}
			r.close(at, r.properties.empty)
		}
	case len(r.open) > 0:
		// The end of something that never began, inside something that did: nothing to show.
	case r.room > 0:
		r.room--
		r.next++
		r.run.ends = append(r.run.ends, edge{
			id: id, at: at, hash: e.ScopeHash, line: e.Line, name: r.text(e.Name), target: r.text(e.Target),
			file: r.text(e.File), properties: r.text(string(appendProperties(nil, e.Properties))),
		})
	}
}

// close adds the row of the innermost open span.
func (r *threadRows) close(at telemetry.Ticks, properties int32) {
	depth := len(r.open) - 1
	s := r.open[depth]
	r.open = r.open[:depth]
	if r.same[s.hash]--; r.same[s.hash] == 0 {
		delete(r.same, s.hash)
	}
	parent := int64(ofSegment)
	if depth > 0 {
		parent = r.open[depth-1].id
	}
	r.segment.add(r.next - 1)
	r.id.add(s.id)
	r.parent.add(parent)
	r.depth.add(int64(depth))
	r.hash.add(s.hash)
	r.begin.add(int64(s.at))
	r.end.add(int64(at))
	r.name.addCode(s.name)
	r.target.addCode(s.target)
	r.file.addCode(s.file)
	r.line.add(s.line)
	r.properties.col.addCode(properties)
}

// finish ends the run.
func (r *threadRows) finish() {
	if r.run == nil {
		return
	}
	for _, s := range r.open[:min(len(r.open), r.room)] {
		r.room--
		r.run.begins = append(r.run.begins, edge{
			id: s.id, at: s.at, hash: s.hash, line: s.line,
			name: r.text(r.name.value(s.name)), target: r.text(r.target.value(s.target)), file: r.text(r.file.value(s.file)),
		})
	}
	r.done = append(r.done, *r.run)
	r.run, r.open, r.lost = nil, r.open[:0], 0
	clear(r.same)
}

func (r *threadRows) text(s string) string {
	if kept, ok := r.texts[s]; ok {
		return kept
	}
	s = strings.Clone(s) // s may point into a block's memory
	r.texts[s] = s
	return s
}
