package wire

import "github.com/micromegas-go/micromegas/telemetry"

// Kind says what an event is.
type Kind uint8

// The kinds of events. More may follow; readers ignore those they do not know.
const (
	KindLog Kind = iota + 1
	KindMetric
	KindBeginThreadSpan
	KindEndThreadSpan
	KindBeginAsyncSpan
	KindEndAsyncSpan
	KindBeginConnection
	KindEndConnection
	KindBeginNetObject
	KindEndNetObject
	KindBeginRPC
	KindEndRPC
	KindNetProperty
	KindImage
)

// The levels of log entries. 0 and others than these occur and are passed on.
const (
	LevelFatal int32 = iota + 1
	LevelError
	LevelWarn
	LevelInfo
	LevelDebug
	LevelTrace
)

// Event is one decoded event. Fields that its kind does not have are zero.
//
// All texts point into memory that the events of a block share. They stay valid, but one kept text keeps the whole
// block in memory: clone what outlives the block.
type Event struct {
	Kind  Kind
	Type  string          // name of the wire type
	Index int64           // position in the block, counting every event
	Ticks telemetry.Ticks // absolute, in the process's clock

	Target string
	Msg    string // log
	Level  int32  // log

	Name string // metric, span, image; of a network event: the connection, object, function or property
	Unit string // metric

	// A metric is a float, or an unsigned integer when IsInt. Both are as sent; see [Event.Measure].
	Value float64 // of an integer: rounded to the nearest float
	Int   uint64
	IsInt bool

	// Where the event was recorded in the program; empty where the wire form has no such field.
	File       string
	ModulePath string
	Line       uint32

	// Properties is the set that came with the event, complete, also where a property replaces a field.
	Properties Properties

	SpanID       uint64 // async span
	ParentSpanID uint64 // async span; 0 = none
	Depth        uint32 // async span

	// ScopeHash identifies the place of a span in the program; see [SpanHash].
	ScopeHash uint32

	Bits     uint32 // network property, or the end of a network scope: its size, with all that lies inside
	Outgoing bool   // begin of a connection: its data leave this process

	Format string // image, such as "png"
	Data   string // image: its bytes, in a string because they are shared and must not change
}

// Property is a name with a text.
type Property struct {
	Name, Value string
}

// Properties is a property set, in the order in which it was sent. Events that refer to the same set share the slice.
type Properties []Property

// Identity is the same for all events of a block that share the set, and different for other sets of that block; nil
// for an empty set. It is meant as a key of caches.
func (p Properties) Identity() *Property {
	if len(p) == 0 {
		return nil
	}
	return &p[0]
}

// Value returns the value of the first property called name.
func (p Properties) Value(name string) (string, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value, true
		}
	}
	return "", false
}

// Measure returns the value and unit that tables show for a metric: integers in the unit "ticks" become seconds of a
// clock with frequency ticks per second. The frequency must be positive.
func (e *Event) Measure(frequency int64) (value float64, unit string) {
	if e.IsInt && e.Unit == "ticks" {
		return TicksToSeconds(e.Int, frequency), "seconds"
	}
	return e.Value, e.Unit
}

// TicksToSeconds converts a metric in ticks. The milliseconds per tick are computed first, and the quotient by 1000 is
// taken last: existing readers agree to the last bit only in this order of operations.
func TicksToSeconds(ticks uint64, frequency int64) float64 {
	milliseconds := float64(int64(ticks)) * (1000 / float64(frequency))
	return milliseconds / 1000
}
