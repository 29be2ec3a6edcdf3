package perfetto

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// ChunkBytes is about how large the pieces are that a [Writer] hands out. They end between packets.
const ChunkBytes = 8 << 10

// Track is where slices are drawn: a thread, or a lane of a track of asynchronous slices.
type Track uint64

// Process describes the traced process.
type Process struct {
	PID     int32
	Name    string
	Command []string
	Labels  []string
}

// Slice is the beginning of a slice.
type Slice struct {
	Name, Category string
	File           string // "" when not known
	Line           uint32
	Arguments      []Argument
}

// Argument is shown with a slice. Value is a bool, an int64, a uint64, a float64, a string, or JSON.
type Argument struct {
	Name  string
	Value any
}

// JSON is an argument with the text of an object or an array.
type JSON string

// Writer makes a trace. Its methods return the error of emit, which gets a piece whenever one is complete and must not
// keep it.
type Writer struct {
	emit func(chunk []byte) error

	chunk     []byte
	packet    []byte // of what is being written
	event     []byte
	interned  []byte
	message   []byte
	started   bool
	tracks    Track
	process   Track
	pid       int32
	names     interner[string]
	category  interner[string]
	arguments interner[string]
	locations interner[location]
}

type location struct {
	file, function string
	line           uint32
}

// NewWriter returns a writer that hands pieces to emit.
func NewWriter(emit func(chunk []byte) error) *Writer { return &Writer{emit: emit} }

// The sequence of all packets, and its flags.
const (
	sequenceID       = 1
	stateCleared     = 1
	needsState       = 2
	typeSliceBegin   = 1
	typeSliceEnd     = 2
	fieldPacket      = 1
	fieldTimestamp   = 8
	fieldSequenceID  = 10
	fieldTrackEvent  = 11
	fieldInterned    = 12
	fieldFlags       = 13
	fieldDescriptor  = 60
	fieldUUID        = 1
	fieldName        = 2
	fieldProcess     = 3
	fieldThread      = 4
	fieldParent      = 5
	fieldAnnotations = 4
	fieldEventType   = 9
	fieldNameIID     = 10
	fieldTrack       = 11
	fieldLocation    = 34
)

// Process writes the descriptor of the process. It comes first.
func (w *Writer) Process(p Process) error {
	w.tracks++
	w.process, w.pid = w.tracks, p.PID
	m := varint(w.message[:0], 1, uint64(p.PID))
	for _, c := range p.Command {
		m = text(m, 2, c)
	}
	m = text(m, 6, p.Name)
	for _, l := range p.Labels {
		m = text(m, 8, l)
	}
	w.message = m
	return w.describe(w.process, "", fieldProcess, m, 0)
}

// Thread writes the descriptor of a thread and returns its track.
func (w *Writer) Thread(tid int32, name string) (Track, error) {
	w.tracks++
	m := varint(w.message[:0], 1, uint64(w.pid))
	m = varint(m, 2, uint64(tid))
	m = text(m, 5, name)
	w.message = m
	return w.tracks, w.describe(w.tracks, "", fieldThread, m, w.process)
}

// Lane writes the descriptor of a track under parent, or under the process when parent is 0. Slices of one track nest.
func (w *Writer) Lane(name string, parent Track) (Track, error) {
	w.tracks++
	if parent == 0 {
		parent = w.process
	}
	return w.tracks, w.describe(w.tracks, name, 0, nil, parent)
}

func (w *Writer) describe(t Track, name string, field protowire.Number, of []byte, parent Track) error {
	d := varint(w.event[:0], fieldUUID, uint64(t))
	if name != "" {
		d = text(d, fieldName, name)
	}
	if field != 0 {
		d = bytes(d, field, of)
	}
	if parent != 0 {
		d = varint(d, fieldParent, uint64(parent))
	}
	w.event = d
	w.packet = bytes(w.begin(), fieldDescriptor, d)
	return w.finish()
}

// Begin writes the beginning of a slice at a time in nanoseconds since 1970.
func (w *Writer) Begin(t Track, at int64, s Slice) error {
	w.interned = w.interned[:0]
	e := varint(w.event[:0], fieldEventType, typeSliceBegin)
	e = varint(e, fieldTrack, uint64(t))
	if s.Category != "" {
		e = varint(e, 3, w.intern(1, &w.category, s.Category))
	}
	e = varint(e, fieldNameIID, w.intern(2, &w.names, s.Name))
	if s.File != "" {
		e = varint(e, fieldLocation, w.internLocation(location{s.File, s.Name, s.Line}))
	}
	for _, a := range s.Arguments {
		e = bytes(e, fieldAnnotations, w.annotation(a))
	}
	w.event = e
	return w.track(at)
}

// End writes the end of the innermost open slice of the track.
func (w *Writer) End(t Track, at int64) error {
	w.interned = w.interned[:0]
	e := varint(w.event[:0], fieldEventType, typeSliceEnd)
	w.event = varint(e, fieldTrack, uint64(t))
	return w.track(at)
}

// track writes the packet of the event.
func (w *Writer) track(at int64) error {
	p := varint(w.begin(), fieldTimestamp, uint64(at))
	p = bytes(p, fieldTrackEvent, w.event)
	if len(w.interned) > 0 {
		p = bytes(p, fieldInterned, w.interned)
	}
	w.packet = p
	return w.finish()
}

func (w *Writer) begin() []byte {
	flags := uint64(needsState)
	if !w.started {
		w.started, flags = true, stateCleared
	}
	p := varint(w.packet[:0], fieldSequenceID, sequenceID)
	return varint(p, fieldFlags, flags)
}

func (w *Writer) finish() error {
	w.chunk = bytes(w.chunk, fieldPacket, w.packet)
	if len(w.chunk) < ChunkBytes {
		return nil
	}
	return w.Flush()
}

// Flush hands out what is left. It comes last.
func (w *Writer) Flush() error {
	if len(w.chunk) == 0 {
		return nil
	}
	err := w.emit(w.chunk)
	w.chunk = w.chunk[:0]
	return err
}

func (w *Writer) annotation(a Argument) []byte {
	m := varint(w.message[:0], 1, w.intern(3, &w.arguments, a.Name))
	switch v := a.Value.(type) {
	case bool:
		m = varint(m, 2, protowire.EncodeBool(v))
	case uint64:
		m = varint(m, 3, v)
	case int64:
		m = varint(m, 4, uint64(v))
	case float64:
		m = double(m, 5, v)
	case string:
		m = text(m, 6, v)
	case JSON:
		m = text(m, 9, string(v))
	}
	w.message = m
	return m
}
