package sdk

import (
	"math"
	"slices"
	"sync"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// block is what the sink encodes when its turn comes. Nothing in it changes any more.
type block struct {
	telemetry telemetry.Block
	kind      sink.Kind
	words     []uint64
	sorted    bool
}

// encoder keeps the memory of encoding from block to block. References are by number of what was declared; 0 is none.
type encoder struct {
	logs    wire.LogBuilder
	metrics wire.MetricBuilder
	spans   wire.SpanBuilder

	refs  []wire.Ref // of descriptions or targets
	sets  []wire.Ref // of property sets
	props wire.Properties
	order []int // of log entries: where they begin
}

var encoders = sync.Pool{New: func() any { return &encoder{} }}

// encode returns the body of the insert_block request, the same each time.
func (b *block) encode() ([]byte, error) {
	e := encoders.Get().(*encoder) // not given back after a panic: half of a block may be in it
	var (
		payload wire.Payload
		n       int32
	)
	e.sets = cleared(e.sets, len(allSets()))
	switch b.kind {
	case sink.Logs:
		e.refs = cleared(e.refs, len(targets.all()))
		e.encodeLogs(b)
		payload, n = e.logs.Finish()
	case sink.Metrics:
		e.refs = cleared(e.refs, len(metrics.all()))
		e.encodeMetrics(b.words)
		payload, n = e.metrics.Finish()
	default:
		e.refs = cleared(e.refs, len(spans.all()))
		e.encodeSpans(b.words)
		payload, n = e.spans.Finish()
	}
	clear(e.props[:cap(e.props)])
	encoders.Put(e)
	block := b.telemetry
	block.Objects = n
	return wire.EncodeBlock(block, payload), nil
}

func cleared(refs []wire.Ref, n int) []wire.Ref {
	refs = slices.Grow(refs[:0], n)[:n]
	clear(refs)
	return refs
}

// set returns the reference of a kept property set.
func (e *encoder) set(set func(wire.Properties) wire.Ref, id uint32) wire.Ref {
	if id == 0 || int(id) >= len(e.sets) {
		return wire.NoProperties
	}
	if e.sets[id] == wire.NoProperties {
		e.sets[id] = set(allSets()[id].list)
	}
	return e.sets[id]
}

// properties returns the reference of an event's properties: those that follow at w[n:], or the kept ones.
func (e *encoder) properties(set func(wire.Properties) wire.Ref, w []uint64, n int, id uint32) wire.Ref {
	if kindOf(w[0])&inline == 0 {
		return e.set(set, id)
	}
	e.props = appendProperties(e.props[:0], textOf(w[n+1:], int(uint32(w[n]))), int(w[n]>>argShift))
	return set(e.props)
}

func (e *encoder) encodeMetrics(words []uint64) {
	b := &e.metrics
	all := metrics.all()
	for len(words) > 0 {
		n := eventLen(words)
		w := words[:n]
		words = words[n:]
		id := idOf(w[0])
		if e.refs[id] == 0 {
			e.refs[id] = b.Desc(&all[id])
		}
		set := wire.NoProperties
		if w[0]>>argShift != 0 || kindOf(w[0])&inline != 0 {
			set = e.properties(b.Set, w, 3, argOf(w[0]))
		}
		if kindOf(w[0])&^inline == kindInt {
			b.IntegerRef(telemetry.Ticks(w[1]), e.refs[id], w[2], set)
		} else {
			b.FloatRef(telemetry.Ticks(w[1]), e.refs[id], math.Float64frombits(w[2]), set)
		}
	}
}

func (e *encoder) encodeSpans(words []uint64) {
	b := &e.spans
	all := spans.all()
	for len(words) > 0 {
		n := eventLen(words)
		w := words[:n]
		words = words[n:]
		id := idOf(w[0])
		if e.refs[id] == 0 {
			e.refs[id] = b.Desc(&all[id])
		}
		t, desc := telemetry.Ticks(w[1]), e.refs[id]
		switch kindOf(w[0]) &^ inline {
		case kindBegin:
			b.BeginRef(t, desc)
		case kindEnd:
			b.EndRef(t, desc, e.properties(b.Set, w, 2, argOf(w[0])))
		case kindBeginAsync:
			b.BeginAsyncRef(t, desc, w[2], w[3], argOf(w[0]))
		case kindEndAsync:
			b.EndAsyncRef(t, desc, wire.NoProperties, w[2], w[3], argOf(w[0]))
		case kindEndAsyncWith:
			b.EndAsyncRef(t, desc, e.properties(b.Set, w, 5, uint32(w[4])), w[2], w[3], argOf(w[0]))
		default: // sort lets no other kind through
		}
	}
}

// encodeLogs writes entries in the order of their time: those of several shards come one shard after the other.
func (e *encoder) encodeLogs(b *block) {
	e.order = e.order[:0]
	for at := 0; at < len(b.words); at += eventLen(b.words[at:]) {
		e.order = append(e.order, at)
	}
	if !b.sorted {
		slices.SortStableFunc(e.order, func(i, j int) int {
			return int(min(max(int64(b.words[i+1])-int64(b.words[j+1]), -1), 1))
		})
	}
	all := messages.all()
	for _, at := range e.order {
		w := b.words[at:]
		switch kindOf(w[0]) &^ inline {
		case kindMessage:
			m := all[idOf(w[0])]
			set := e.properties(e.logs.Set, w, 2, argOf(w[0]))
			e.logs.AddRef(telemetry.Ticks(w[1]), int32(m.level), e.target(m.target), m.text, set)
		case kindText:
			n := 3 + wordsFor(int(w[2]))
			set := e.properties(e.logs.Set, w, n, 0)
			e.logs.AddRef(telemetry.Ticks(w[1]), int32(argOf(w[0])), e.target(idOf(w[0])), textOf(w[3:], int(w[2])), set)
		default: // sort lets no other kind through
		}
	}
}

func (e *encoder) target(id uint32) wire.Ref {
	if e.refs[id] == 0 {
		e.refs[id] = e.logs.Text(targets.get(id))
	}
	return e.refs[id]
}
