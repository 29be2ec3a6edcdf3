package sdk

import "context"

// Async is a span that may end on another goroutine than it began on, and that knows its parent. It is a value: copy it,
// hand it on, but end it once. The zero value ends without a trace.
//
// It has four words, the most that the compiler keeps in registers.
type Async struct {
	recorder *Recorder
	desc     *SpanDesc
	id       uint64
	outer    outer
}

// outer is where a span is: its parent's number, of 48 bits, and above it its depth.
type outer uint64

const (
	depthShift = 48
	maxDepth   = 1<<16 - 1
)

func (o outer) parent() uint64 { return uint64(o) & (1<<depthShift - 1) }
func (o outer) depth() uint32  { return uint32(o >> depthShift) }

// inside is the place of spans whose parent is a span at o.
func (o outer) inside(parent uint64) outer {
	return outer(min(uint64(o.depth())+1, maxDepth))<<depthShift | outer(parent)
}

// ID returns the number of the span, unique in the process; 0 means that it was not recorded.
func (s Async) ID() uint64 { return s.id }

// StartSpan begins a span with the default recorder, inside the one that ctx carries; see [Recorder.StartSpan].
func StartSpan(ctx context.Context, d *SpanDesc) (context.Context, Async) {
	r := recording.Load()
	if r == nil {
		return ctx, Async{}
	}
	return r.StartSpan(ctx, d)
}

// Leaf begins a span inside the one that ctx carries, with the default recorder; see [Recorder.Leaf].
func Leaf(ctx context.Context, d *SpanDesc) Async {
	r := recording.Load()
	if r == nil {
		return Async{}
	}
	return r.Leaf(ctx, d)
}

// Root begins a span that belongs to no other, with the default recorder.
func Root(d *SpanDesc) Async {
	r := recording.Load()
	if r == nil {
		return Async{}
	}
	return r.begin(d, 0)
}

// StartSpan begins a span inside the one that ctx carries, and returns a context that carries the new one, for its
// children on any goroutine:
//
//	ctx, span := sdk.StartSpan(ctx, handle)
//	defer span.End()
func (r *Recorder) StartSpan(ctx context.Context, d *SpanDesc) (context.Context, Async) {
	s := r.Leaf(ctx, d)
	if s.id == 0 {
		return ctx, s
	}
	return &spanContext{Context: ctx, recorder: r, id: s.id, outer: s.outer}, s
}

// Leaf begins a span inside the one that ctx carries. It is for spans without children: it allocates nothing.
func (r *Recorder) Leaf(ctx context.Context, d *SpanDesc) Async {
	if parent := carried(ctx); parent != nil && parent.recorder == r {
		return r.begin(d, parent.outer.inside(parent.id))
	}
	return r.begin(d, 0)
}

// Root begins a span that belongs to no other.
func (r *Recorder) Root(d *SpanDesc) Async { return r.begin(d, 0) }

// SpanOf returns the number of the span that ctx carries, or 0.
func SpanOf(ctx context.Context) uint64 {
	if c := carried(ctx); c != nil {
		return c.id
	}
	return 0
}

// spanContext carries a span.
type spanContext struct {
	context.Context //nolint:containedctx // it is one
	recorder        *Recorder
	id              uint64
	outer           outer
}

type spanKey struct{}

// Value implements context.Context.
func (c *spanContext) Value(key any) any {
	if key == (spanKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func carried(ctx context.Context) *spanContext {
	if c, ok := ctx.(*spanContext); ok {
		return c
	}
	c, _ := ctx.Value(spanKey{}).(*spanContext)
	return c
}

func (r *Recorder) begin(d *SpanDesc, at outer) Async {
	if r.noSpans {
		return Async{}
	}
	s := r.enter()
	if s == nil {
		return Async{}
	}
	if !s.room(4) {
		s.leave()
		if s = r.enterRoom(kindBeginAsync, 4); s == nil {
			return Async{}
		}
	}
	if s.span == s.end {
		s.end = r.spanIDs.Add(spanRange)
		s.span = s.end - spanRange
	}
	s.span++
	id := s.span
	w, c, end := s.claim(4)
	w[0] = d.beginAsync | uint64(at.depth())<<argShift
	w[2] = id
	w[3] = at.parent()
	w[1] = s.stamp(r)
	c.pos.Store(end)
	s.leave()
	return Async{recorder: r, desc: d, id: id, outer: at}
}

// End ends the span.
func (s Async) End() {
	r := s.recorder
	if r == nil {
		return
	}
	sh := r.enter()
	if sh == nil {
		return
	}
	if !sh.room(4) {
		sh.leave()
		if sh = r.enterRoom(kindEndAsync, 4); sh == nil {
			return
		}
	}
	w, c, end := sh.claim(4)
	w[0] = s.desc.endAsync | uint64(s.outer.depth())<<argShift
	w[2] = s.id
	w[3] = s.outer.parent()
	w[1] = sh.stamp(r)
	c.pos.Store(end)
	sh.leave()
}

// EndWith ends the span and gives it properties.
func (s Async) EndWith(p Props) {
	r := s.recorder
	if r == nil {
		return
	}
	if p.set == nil {
		s.End()
		return
	}
	head, n := s.desc.endAsyncTagged, 5
	if p.set.id == 0 {
		head |= uint64(inline)
		n += 1 + wordsFor(len(p.set.text))
	}
	sh := r.enterRoom(kindEndAsync, n)
	if sh == nil {
		return
	}
	w, c, end := sh.claim(n)
	w[0] = head | uint64(s.outer.depth())<<argShift
	w[2] = s.id
	w[3] = s.outer.parent()
	w[4] = uint64(p.set.id)
	if n > 5 {
		putProperties(w[5:], len(p.set.list), p.set.text)
	}
	w[1] = sh.stamp(r)
	c.pos.Store(end)
	sh.leave()
}
