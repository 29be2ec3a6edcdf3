package lake

import (
	"strings"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// netRows makes a chunk of net spans from consecutive blocks of one stream, from the state in which the chunk before it
// ends: a span is a row of the chunk in which it ends.
//
// Begin and end events nest like brackets, across blocks and chunks; connections do not nest. A connection that begins,
// and a gap in ticks between two blocks, drop what is open. So does the end of the last block.
type netRows struct {
	*rows
	process, stream, kind, name, connection *coded
	id, parent, beginBits, endBits, size    *numbers[int64]
	begin, end                              *numbers[int64]
	depth                                   *numbers[uint32]
	outgoing                                *flags

	processCode, streamCode int32 // of the block

	state netState
}

// netState is what a chunk leaves open for the next. Ticks are relative to the start of the process.
type netState struct {
	End        telemetry.Ticks // of the blocks so far
	Connection string          // the name of the last one that began, as long as anything is open
	Outgoing   bool
	Open       []netScope // outermost first
	Lost       int        // begins that found no room and have not ended yet
}

// netScope is a connection, object or remote call that is open.
type netScope struct {
	Kind      wire.Kind
	ID        int64
	Name      string
	Begin     telemetry.Ticks
	BeginBits int64 // of the parent
	Used      int64 // bits of what was in it so far
}

// maxNetNesting is how deep network scopes nest; deeper ones are left out.
const maxNetNesting = 1 << 10

func newNetRows(state netState) *netRows {
	r := newRows(netChunks)
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	i64 := func(name string) *numbers[int64] { return r.cols[r.index(name)].(*numbers[int64]) }
	state.Open = append([]netScope(nil), state.Open...)
	return &netRows{
		rows: r, process: col("process_id"), stream: col("stream_id"), kind: col("kind"), name: col("name"),
		connection: col("connection_name"), id: i64("span_id"), parent: i64("parent_span_id"), beginBits: i64("begin_bits"),
		endBits: i64("end_bits"), size: i64("bit_size"), begin: i64("begin_time"), end: i64("end_time"),
		depth: r.cols[r.index("depth")].(*numbers[uint32]), outgoing: r.cols[r.index("is_outgoing")].(*flags), state: state,
	}
}

func (r *netRows) collected() *rows { return r.rows }
func (r *netRows) finish()          {}
func (r *netRows) summary() any     { return r.state }

// netKinds are the texts in the column kind.
var netKinds = map[wire.Kind]string{
	wire.KindBeginConnection: "connection", wire.KindBeginNetObject: "object", wire.KindBeginRPC: "rpc", wire.KindNetProperty: "property",
}

// netEnds tells which begin an end belongs to.
var netEnds = map[wire.Kind]wire.Kind{
	wire.KindEndConnection: wire.KindBeginConnection, wire.KindEndNetObject: wire.KindBeginNetObject, wire.KindEndRPC: wire.KindBeginRPC,
}

func (r *netRows) add(s *source) error {
	if s.Block.BeginTicks > r.state.End {
		r.state = netState{}
	}
	r.state.End = max(r.state.End, s.Block.EndTicks)
	r.processCode, r.streamCode = r.process.code(s.Process.ID.String()), r.stream.code(s.Block.StreamID.String())
	return s.events(func(e *wire.Event) error {
		id, at := s.Block.ObjectOffset+e.Index, e.Ticks-s.Process.StartTicks
		switch e.Kind {
		case wire.KindBeginConnection:
			r.state = netState{End: r.state.End, Connection: strings.Clone(e.Name), Outgoing: e.Outgoing}
			r.begun(id, at, e)
		case wire.KindBeginNetObject, wire.KindBeginRPC:
			r.begun(id, at, e)
		case wire.KindNetProperty:
			if r.state.Lost > 0 {
				return nil
			}
			scope := netScope{Kind: e.Kind, ID: id, Name: e.Name, Begin: at, BeginBits: r.used()}
			r.row(&scope, at, int64(e.Bits))
		case wire.KindEndConnection, wire.KindEndNetObject, wire.KindEndRPC:
			r.ended(at, e)
		default:
		}
		return nil
	})
}

// used returns the bits that are used of the innermost open scope.
func (r *netRows) used() int64 {
	if n := len(r.state.Open); n > 0 {
		return r.state.Open[n-1].Used
	}
	return 0
}

func (r *netRows) begun(id int64, at telemetry.Ticks, e *wire.Event) {
	if r.state.Lost > 0 || len(r.state.Open) == maxNetNesting {
		r.state.Lost++
		return
	}
	r.state.Open = append(r.state.Open, netScope{
		Kind: e.Kind, ID: id, Name: strings.Clone(e.Name), Begin: at, BeginBits: r.used(), // the name points into the block's memory
	})
}

// ended closes the innermost open scope, if it is of the kind that ends.
func (r *netRows) ended(at telemetry.Ticks, e *wire.Event) {
	n := len(r.state.Open) - 1
	switch {
	case r.state.Lost > 0:
		r.state.Lost--
	case n >= 0 && r.state.Open[n].Kind == netEnds[e.Kind]:
		scope := r.state.Open[n]
		r.state.Open = r.state.Open[:n]
		r.row(&scope, at, int64(e.Bits))
		if n == 0 {
			r.state.Connection, r.state.Outgoing = "", false
		}
	}
}

// row adds what lies in the innermost open scope, and its bits to the scope.
func (r *netRows) row(scope *netScope, end telemetry.Ticks, bits int64) {
	parent := int64(-1)
	if n := len(r.state.Open); n > 0 {
		outer := &r.state.Open[n-1]
		parent = outer.ID
		outer.Used += bits
	}
	r.process.addCode(r.processCode)
	r.stream.addCode(r.streamCode)
	r.id.add(scope.ID)
	r.parent.add(parent)
	r.depth.add(uint32(len(r.state.Open)))
	r.kind.add(netKinds[scope.Kind])
	r.name.add(scope.Name)
	r.connection.add(r.state.Connection)
	r.outgoing.add(r.state.Outgoing)
	r.beginBits.add(scope.BeginBits)
	r.endBits.add(scope.BeginBits + bits)
	r.size.add(bits)
	r.begin.add(int64(scope.Begin))
	r.end.add(int64(end))
}
