package lake

import (
	"slices"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// threadRows makes thread spans from the blocks of one stream, which must be added in the order of their ticks.
//
// Begin and end events nest like brackets across blocks. Blocks that follow one another without a gap in ticks form a
// chain; each chain gets a root span named after the thread. What is open at the end of a chain ends there; an end whose
// begin lies before the chain begins with the chain and takes the spans so far as its children.
type threadRows struct {
	*rows
	id, parent, begin, end, duration *numbers[int64]
	depth, hash, line                *numbers[uint32]
	name, target, file               *coded
	properties                       *propertySets

	chain *chain // its spans hold codes, which are kept while the rows of earlier chains are written
}

// chain is the state of an unbroken run of blocks.
type chain struct {
	thread     string
	clock      telemetry.Clock
	begin, end telemetry.Ticks // absolute
	spans      []span
	open       []int32 // indexes into spans, outermost first
	tops       []int32 // the closed spans directly under the root
	lifted     uint32  // how many spans have taken all others as their children; see span.depth
}

type span struct {
	id                 int64
	parent             int64
	depth              uint32 // without chain.lifted, which is added at the end: one that lies outside all lifts those inside
	hash, line         uint32
	begin, end         telemetry.Ticks
	name, target, file int32 // codes
	properties         int32 // code
}

const (
	rootID     = -1
	rootParent = 0
)

func newThreadRows() *threadRows {
	r := newRows(threadSpans)
	r.keepCodes = true
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	i64 := func(name string) *numbers[int64] { return r.cols[r.index(name)].(*numbers[int64]) }
	u32 := func(name string) *numbers[uint32] { return r.cols[r.index(name)].(*numbers[uint32]) }
	return &threadRows{
		rows: r, id: i64("id"), parent: i64("parent"), begin: i64("begin"), end: i64("end"), duration: i64("duration"),
		depth: u32("depth"), hash: u32("hash"), line: u32("line"), name: col("name"), target: col("target"),
		file: col("filename"), properties: newPropertySets(col("properties")),
	}
}

func (r *threadRows) collected() *rows { return r.rows }

func (r *threadRows) add(s *source) error {
	start := s.Process.StartTicks
	begin, end := start+s.Block.BeginTicks, start+s.Block.EndTicks
	if r.chain != nil && begin > r.chain.end {
		r.finish()
	}
	if r.chain == nil {
		r.chain = &chain{thread: s.Stream.ThreadName(), clock: s.spanClock(), begin: begin, end: begin}
	}
	c := r.chain
	c.end = max(c.end, end)
	r.properties.start()
	return s.events(func(e *wire.Event) error {
		switch e.Kind {
		case wire.KindBeginThreadSpan:
			begun := r.span(s, e, e.Ticks)
			c.open = append(c.open, int32(len(c.spans)))
			c.spans = append(c.spans, begun)
		case wire.KindEndThreadSpan:
			r.close(s, e)
		default:
		}
		return nil
	})
}

// span returns the span of e, under the innermost open one.
func (r *threadRows) span(s *source, e *wire.Event, begin telemetry.Ticks) span {
	c := r.chain
	parent := int64(rootID)
	if n := len(c.open); n > 0 {
		parent = c.spans[c.open[n-1]].id
	}
	return span{
		id: s.Block.ObjectOffset + e.Index, parent: parent, depth: uint32(len(c.open)+1) - c.lifted,
		hash: e.ScopeHash, line: e.Line, begin: begin, end: begin,
		name: r.name.code(e.Name), target: r.target.code(e.Target), file: r.file.code(e.File),
		properties: r.properties.empty,
	}
}

// close ends the innermost open span of e's scope, and what is open inside it.
func (r *threadRows) close(s *source, e *wire.Event) {
	c := r.chain
	for n, i := range slices.Backward(c.open) {
		if c.spans[i].hash != e.ScopeHash {
			continue
		}
		for _, inner := range c.open[n:] {
			c.spans[inner].end = e.Ticks
		}
		c.spans[i].properties = r.properties.code(e.Properties)
		c.open = c.open[:n]
		if n == 0 {
			c.tops = append(c.tops, i)
		}
		return
	}
	if len(c.open) > 0 {
		return // the end of something that never began, inside something that did: nothing to show
	}
	// It began before the chain: all that the chain holds so far lies inside it.
	c.lifted++
	outer := r.span(s, e, c.begin)
	outer.end, outer.properties = e.Ticks, r.properties.code(e.Properties)
	for _, top := range c.tops {
		c.spans[top].parent = outer.id
	}
	c.tops = append(c.tops[:0], int32(len(c.spans)))
	c.spans = append(c.spans, outer)
}

// finish ends the chain and adds its rows, sorted by begin.
func (r *threadRows) finish() {
	c := r.chain
	if c == nil {
		return
	}
	r.chain = nil
	for _, i := range c.open {
		c.spans[i].end = c.end
	}
	for i := range c.spans {
		c.spans[i].depth += c.lifted
	}
	slices.SortStableFunc(c.spans, func(a, b span) int {
		switch {
		case a.begin < b.begin:
			return -1
		case a.begin > b.begin:
			return 1
		default:
			return int(a.depth) - int(b.depth)
		}
	})
	root := span{
		id: rootID, parent: rootParent, hash: wire.SpanHash(c.thread, "", "", 0), begin: c.begin, end: c.end,
		name: r.name.code(c.thread), target: r.target.code(""), file: r.file.code(""), properties: r.properties.empty,
	}
	for i := range c.spans { // an event's tick is read before its block is chosen, so it may lie outside by a little
		root.begin, root.end = min(root.begin, c.spans[i].begin), max(root.end, c.spans[i].end)
	}
	r.row(c, root)
	for _, s := range c.spans {
		r.row(c, s)
	}
}

func (r *threadRows) row(c *chain, s span) {
	begin, end := c.clock.Time(s.begin), c.clock.Time(s.end)
	r.id.add(s.id)
	r.parent.add(s.parent)
	r.depth.add(s.depth)
	r.hash.add(s.hash)
	r.begin.add(int64(begin))
	r.end.add(int64(end))
	r.duration.add(int64(end - begin))
	r.name.addCode(s.name)
	r.target.addCode(s.target)
	r.file.addCode(s.file)
	r.line.add(s.line)
	r.properties.col.addCode(s.properties)
}
