package lake

import (
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// stitched is what puts the chunks of one stream of thread spans together: the rows of spans that no chunk holds whole, and
// for each segment of rows in the chunks what lies around it.
//
// Runs that follow one another without a gap in ticks form a chain; each chain gets a root span named after the thread.
// What is open at the end of a chain ends there; an end whose begin lies before the chain begins with the chain and takes
// the spans so far as its children.
type stitched struct {
	rows  *threadRows // in the segment wholeSegment
	links *rows       // of threadLinks
}

// wholeSegment is the segment of rows that need nothing from theirs.
const wholeSegment = 0

// stitch puts the chunks of the thread together, which are in the order of their ticks.
func stitch(thread string, chunks [][]threadRun) stitched {
	t := stitched{rows: newThreadRows(wholeSegment), links: newRows(threadLinks)}
	t.rows.properties.start()
	t.link(segmentLink{segment: wholeSegment})
	var c *threadChain
	for _, runs := range chunks {
		for i := range runs {
			if r := &runs[i]; c == nil || r.begin > c.end {
				if c != nil {
					c.finish(&t)
				}
				c = &threadChain{
					thread: thread, begin: r.begin, end: r.begin, first: r.first, last: r.last, same: map[uint32]int{},
				}
			}
			c.add(&runs[i])
		}
	}
	if c != nil {
		c.finish(&t)
	}
	return t
}

// threadChain is the state of stitching a chain.
type threadChain struct {
	thread      string
	begin, end  telemetry.Ticks
	first, last telemetry.Ticks
	spans       []chainSpan
	segments    []segmentLink
	open        []int          // indexes into spans, outermost first
	same        map[uint32]int // how many of them have a hash
	topSpans    []int          // the closed spans directly under the root
	topSegments []int
	lifted      int64 // how many spans have taken all others as their children; see chainSpan.depth
}

// chainSpan is a span that begins before the chunk in which it ends, or in which its chain ends.
type chainSpan struct {
	edge
	parent int64
	depth  int64 // without threadChain.lifted, which is added at the end: one that lies outside all lifts those inside
	end    telemetry.Ticks
}

// segmentLink says what lies around a segment.
type segmentLink struct {
	segment, parent int64
	depth           int64 // of its outermost spans, like chainSpan.depth
}

func (c *threadChain) add(r *threadRun) {
	c.end = max(c.end, r.end)
	c.first, c.last = min(c.first, r.first), max(c.last, r.last)
	c.segment(r.segment)
	for i := range r.ends {
		c.ended(&r.ends[i])
		c.segment(r.segment + 1 + int64(i))
	}
	for _, b := range r.begins {
		c.same[b.hash]++
		c.open = append(c.open, len(c.spans))
		c.spans = append(c.spans, chainSpan{edge: b, parent: c.parent(1), depth: int64(len(c.open)) - c.lifted})
	}
}

// parent returns the id of the innermost open span but skip.
func (c *threadChain) parent(skip int) int64 {
	if n := len(c.open) - skip; n > 0 {
		return c.spans[c.open[n-1]].id
	}
	return rootID
}

func (c *threadChain) segment(number int64) {
	if len(c.open) == 0 {
		c.topSegments = append(c.topSegments, len(c.segments))
	}
	c.segments = append(c.segments, segmentLink{segment: number, parent: c.parent(0), depth: int64(len(c.open)+1) - c.lifted})
}

// ended closes the innermost open span of e's scope, and what is open inside it.
func (c *threadChain) ended(e *edge) {
	switch {
	case c.same[e.hash] > 0:
		for {
			n := len(c.open) - 1
			i := c.open[n]
			s := &c.spans[i]
			c.open = c.open[:n]
			c.same[s.hash]--
			s.end = e.at
			if n == 0 {
				c.topSpans = append(c.topSpans, i)
			}
			if s.hash == e.hash {
				s.properties = e.properties
				return
			}
		}
	case len(c.open) > 0:
		// The end of something that never began, inside something that did: nothing to show.
	default:
		// It began before the chain: all that the chain holds so far lies inside it.
		c.lifted++
		outer := chainSpan{edge: *e, parent: rootID, depth: 1 - c.lifted, end: e.at}
		outer.at = c.begin
		for _, i := range c.topSpans {
			c.spans[i].parent = outer.id
		}
		for _, i := range c.topSegments {
			c.segments[i].parent = outer.id
		}
		c.topSpans, c.topSegments = append(c.topSpans[:0], len(c.spans)), c.topSegments[:0]
		c.spans = append(c.spans, outer)
	}
}

// finish adds the rows and links of the chain.
func (c *threadChain) finish(t *stitched) {
	for _, i := range c.open {
		c.spans[i].end = c.end
	}
	t.add(chainSpan{
		edge:   edge{id: rootID, at: min(c.begin, c.first), hash: wire.SpanHash(c.thread, "", "", 0), name: c.thread},
		parent: rootParent, end: max(c.end, c.last),
	})
	for _, s := range c.spans {
		s.depth += c.lifted
		t.add(s)
	}
	for _, s := range c.segments {
		s.depth += c.lifted
		t.link(s)
	}
}

func (t *stitched) add(s chainSpan) {
	r := t.rows
	properties := r.properties.empty
	if s.properties != "" {
		properties = r.properties.col.code(s.properties)
	}
	r.segment.add(wholeSegment)
	r.id.add(s.id)
	r.parent.add(s.parent)
	r.depth.add(s.depth)
	r.hash.add(s.hash)
	r.begin.add(int64(s.at))
	r.end.add(int64(s.end))
	r.name.add(s.name)
	r.target.add(s.target)
	r.file.add(s.file)
	r.line.add(s.line)
	r.properties.col.addCode(properties)
}

func (t *stitched) link(s segmentLink) {
	for i, v := range []int64{s.segment, s.parent, s.depth} {
		t.links.cols[i].(*numbers[int64]).add(v)
	}
}
