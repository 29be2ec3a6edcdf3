package sdk

import (
	"math"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/wire"
)

// SpanDesc is what all spans of one place in the program share.
type SpanDesc struct {
	begin, beginAsync        uint64 // heads
	endAsync, endAsyncTagged uint64
}

// Span declares a span; declare spans in package variables. Names are for places in the program: what differs from one
// time to the next belongs into properties.
func Span(name string, with ...Declaration) *SpanDesc {
	p := caller(1, with)
	id := spans.id(wire.SpanDesc{Name: name, Target: p.target, ModulePath: p.target, File: p.file, Line: p.line, LOD: lod})
	return &SpanDesc{
		begin: headOf(kindBegin, id), beginAsync: headOf(kindBeginAsync, id),
		endAsync: headOf(kindEndAsync, id), endAsyncTagged: headOf(kindEndAsyncWith, id),
	}
}

// Track is the time line of one goroutine, shown like a thread: its spans nest. Only the goroutine that the track is for
// may use it; the race detector tells when another one does. Recording on a track is the cheapest there is.
type Track struct{ *track }

// track is the part of a track that the recorder keeps.
type track struct {
	lane
	recorder *Recorder

	// Of the goroutine:
	skipped int // spans that were begun but not recorded, for lack of room, and are still open
	owed    int // ends of recorded spans that found no room; they are recorded before anything else
	first   bool
	noSpans bool // spans are turned off; the lane has no room ever, and metrics go to the shards

	closed atomic.Bool // nothing will be added

	// Of the flusher:
	outlet *outlet
	open   []uint32 // spans that have begun and not ended, by number

	at int // in tracks.list
}

// tracks are those that are not closed.
type tracks struct {
	mu   sync.Mutex
	list []*track
	last int          // number of the newest, which tells tracks of one name apart
	open atomic.Int64 // len(list)
}

func (t *tracks) all() []*track {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*track(nil), t.list...)
}

func (t *tracks) remove(gone *track) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.list) - 1
	t.list[gone.at] = t.list[last]
	t.list[gone.at].at = gone.at
	t.list[last] = nil
	t.list = t.list[:last]
	t.open.Add(-1)
}

// NewTrack opens a track for the goroutine that calls, with the default recorder.
func NewTrack(name string) *Track { return recording.Load().NewTrack(name) }

// NewTrack opens a track for the goroutine that calls. Close it when the goroutine ends. A nil recorder gives a track
// that records nothing.
func (r *Recorder) NewTrack(name string) *Track {
	if r == nil || r.off() || r.noSpans {
		return &Track{&track{lane: lane{cur: &chunk{}}, recorder: r, noSpans: true}}
	}
	t := &track{lane: newLane(r.clock), recorder: r, first: true}
	r.tracks.mu.Lock()
	defer r.tracks.mu.Unlock()
	r.tracks.last++
	t.outlet = r.newOutlet(sink.Spans, map[string]string{
		"thread-name": clean(name),
		"thread-id":   strconv.Itoa(r.tracks.last),
	})
	t.at = len(r.tracks.list)
	r.tracks.list = append(r.tracks.list, t)
	r.tracks.open.Add(1)
	r.pool.grown.Add(tinyChunk)
	handle := &Track{t}
	// A goroutine that forgets to close its track must not keep it for ever. Each call keeps the handle alive to its end:
	// once the track counts as closed, its chunks are given to others.
	runtime.AddCleanup(handle, func(t *track) { t.closed.Store(true) }, t)
	return handle
}

// Close ends the track. Spans that are still open stay open. What is recorded afterwards is ignored.
func (t *Track) Close() {
	if t.closed.Load() {
		return
	}
	t.pay()          // there may be room by now
	t.cur = &chunk{} // what the flusher will recycle is out of reach now
	t.closed.Store(true)
}

// Begin begins a span inside the one that was begun last. End it with [Track.End], or with that of the result:
//
//	defer track.Begin(frame).End()
func (t *Track) Begin(d *SpanDesc) Scope {
	l := t.track
	c := l.cur
	n := c.pos.Load()
	if uint64(len(c.words)) < n+2 || l.skipped|l.owed != 0 {
		l.beginSlow(d)
		runtime.KeepAlive(t)
		return Scope{t}
	}
	w := c.words[n : n+2 : n+2]
	w[0] = d.begin
	w[1] = l.stamp(l.recorder)
	c.pos.Store(n + 2)
	runtime.KeepAlive(t)
	return Scope{t}
}

// End ends the span that was begun last.
func (t *Track) End() {
	t.end(headOf(kindEnd, 0))
	runtime.KeepAlive(t)
}

// EndWith ends the span that was begun last, and gives it properties.
func (t *Track) EndWith(p Props) {
	switch {
	case p.set == nil:
		t.end(headOf(kindEnd, 0))
	case p.set.id != 0:
		t.end(headOf(kindEnd, 0) | uint64(p.set.id)<<argShift)
	default:
		t.endInline(p.set)
	}
	runtime.KeepAlive(t)
}

// Scope is a span that has begun on a track. The zero value ends without a trace.
type Scope struct{ track *Track }

// End ends the span; those that began inside it must have ended.
func (s Scope) End() {
	if s.track != nil {
		s.track.End()
	}
}

// EndWith ends the span and gives it properties.
func (s Scope) EndWith(p Props) {
	if s.track != nil {
		s.track.EndWith(p)
	}
}

func (t *track) end(head uint64) {
	c := t.cur
	n := c.pos.Load()
	if uint64(len(c.words)) < n+2 || t.skipped|t.owed != 0 {
		t.endSlow(head)
		return
	}
	w := c.words[n : n+2 : n+2]
	w[0] = head
	w[1] = t.stamp(t.recorder)
	c.pos.Store(n + 2)
}

// Int records a sample of an integer metric. It arrives among the metrics of the process.
func (t *Track) Int(m *IntMetric, v int64) {
	t.sample(m.headFor(v), m.bits(v))
	runtime.KeepAlive(t)
}

// Float records a sample of a float metric.
func (t *Track) Float(m *FloatMetric, v float64) {
	t.sample(m.head, math.Float64bits(v))
	runtime.KeepAlive(t)
}

func (t *track) sample(head, bits uint64) {
	c := t.cur
	n := c.pos.Load()
	if uint64(len(c.words)) < n+3 {
		if !t.grow(3) {
			t.sampleSlow(head, bits)
			return
		}
		c, n = t.cur, 0
	}
	w := c.words[n : n+3 : n+3]
	w[0] = head
	w[2] = bits
	w[1] = t.stamp(t.recorder)
	c.pos.Store(n + 3)
}

// sampleSlow is sample without a lane of one's own, or without room in it.
func (t *track) sampleSlow(head, bits uint64) {
	switch {
	case t.recorder == nil || t.closed.Load():
	case t.noSpans:
		t.recorder.sample(head, bits)
	default:
		t.lose(kindInt)
	}
}

// mute reports whether spans are ignored.
func (t *track) mute() bool { return t.recorder == nil || t.noSpans || t.closed.Load() }

// grow links a chunk with room for n words, if there is memory.
func (t *track) grow(n int) bool {
	if t.mute() {
		return false
	}
	c := t.recorder.chunk(max(n, t.recorder.trackChunk(t.first)))
	if c == nil {
		return false
	}
	t.first = false
	t.extend(c)
	return true
}

// trackChunk is the size of a track's next chunk. Who has one that is large got it when there were few; see pool.
func (r *Recorder) trackChunk(first bool) int {
	const share = 4 // of the budget
	most := r.pool.budget / share
	switch open := r.tracks.open.Load(); {
	case !first && open*chunkWords <= most:
		return chunkWords
	case open*smallChunk <= most:
		return smallChunk
	default:
		return tinyChunk
	}
}

// beginSlow begins a span when there is no room, or was none. A span is recorded with its begin and its end, or with
// neither.
func (t *track) beginSlow(d *SpanDesc) {
	if t.mute() {
		return
	}
	if t.skipped > 0 || !t.pay() || (!t.room(2) && !t.grow(2)) {
		t.skipped++
		t.lose(kindBegin)
		return
	}
	t.add(d.begin)
}

func (t *track) endSlow(head uint64) {
	switch {
	case t.mute():
	case t.skipped > 0:
		t.skipped--
	case !t.pay() || (!t.room(2) && !t.grow(2)):
		t.owed++
	default:
		t.add(head)
	}
}

// pay records the ends that are owed.
func (t *track) pay() bool {
	for ; t.owed > 0; t.owed-- {
		if !t.room(2) && !t.grow(2) {
			return false
		}
		t.add(headOf(kindEnd, 0))
	}
	return true
}

// add records an event of two words, for which there is room.
func (t *track) add(head uint64) {
	w, c, end := t.claim(2)
	w[0] = head
	w[1] = t.stamp(t.recorder)
	c.pos.Store(end)
}

// endInline ends a span with properties that go along.
func (t *track) endInline(set *propertySet) {
	n := 2 + 1 + wordsFor(len(set.text))
	if t.skipped > 0 || !t.pay() || (!t.room(n) && !t.grow(n)) {
		t.endSlow(headOf(kindEnd, 0)) // better without properties than not at all
		return
	}
	w, c, end := t.claim(n)
	w[0] = headOf(kindEnd|inline, 0)
	putProperties(w[2:], len(set.list), set.text)
	w[1] = t.stamp(t.recorder)
	c.pos.Store(end)
}
