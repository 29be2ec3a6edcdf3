package wire

import (
	"errors"
	"fmt"
	"sync"
)

// Limits bound what decoding one block may cost, whatever the block says. The zero value means the defaults.
type Limits struct {
	QueueBytes   int64 // bytes that either queue may inflate to; 0 means 256 MiB
	Events       int   // events of a block; 0 means 16 Mi
	Dependencies int   // dependency records of a block; 0 means 1 Mi
	// TextBytes bounds the texts of all events of a block together, where a text that many events share counts each
	// time. It is what a reader that copies the texts of every event has to expect. 0 means 2 GiB.
	TextBytes int64
}

func (l Limits) withDefaults() Limits {
	if l.QueueBytes == 0 {
		l.QueueBytes = 256 << 20
	}
	if l.Events == 0 {
		l.Events = 16 << 20
	}
	if l.Dependencies == 0 {
		l.Dependencies = 1 << 20
	}
	if l.TextBytes == 0 {
		l.TextBytes = 2 << 30
	}
	return l
}

// Stats says what became of the events of a block.
type Stats struct {
	Decoded int64 // handed to the caller
	Skipped int64 // of a type that has no meaning to [Decoder.Events]
	Bad     int64 // of a known type, but not readable

	// BadDependencies counts records that could not be used. Events that refer to them count as bad.
	BadDependencies int64
	// FirstBad says what was wrong with the first bad event or dependency; nil when there was none.
	FirstBad error
}

func (s *Stats) bad(event int, typ string, err error) {
	s.Bad++
	if s.FirstBad == nil {
		s.FirstBad = fmt.Errorf("event %d %s: %w", event, typ, err)
	}
}

func (s *Stats) badDependency(err error) {
	s.BadDependencies++
	if s.FirstBad == nil {
		s.FirstBad = err
	}
}

// Decoder reads the blocks of streams with one pair of layouts. It is safe for concurrent use.
type Decoder struct {
	limits      Limits
	deps        *schema
	depPrograms []depProgram
	objects     *schema
	programs    []program
	readers     sync.Pool // of *blockReader
}

// NewDecoder compiles the layouts of a stream. Types that cannot be decoded do not fail here: their events count as
// bad, see [Layout.Validate].
func NewDecoder(dependencies, objects Layout, limits Limits) (*Decoder, error) {
	deps, err := newSchema(dependencies)
	if err != nil {
		return nil, fmt.Errorf("dependencies: %w", err)
	}
	objs, err := newSchema(objects)
	if err != nil {
		return nil, fmt.Errorf("objects: %w", err)
	}
	d := &Decoder{limits: limits.withDefaults(), deps: deps, objects: objs}
	d.depPrograms = compileDependencies(deps)
	d.programs = compileEvents(objs)
	d.readers.New = func() any { return &blockReader{d: d, index: map[uint64]int32{}} }
	return d, nil
}

// Events calls yield for every event of p that has a meaning here, in the order in which they were recorded. The event
// is reused for the next call. Events that cannot be read are counted and passed over.
//
// The error is the one that yield returned, or says why the block ends early: everything before was yielded.
func (d *Decoder) Events(p Payload, yield func(*Event) error) (Stats, error) {
	b := d.acquire()
	defer d.release(b)
	err := b.load(p, false)
	if b.objects != "" {
		if e := b.events(yield); e != nil {
			err = errors.Join(err, e)
		}
	}
	return b.stats, err
}

// blockReader is the state of reading one block. Readers are reused.
type blockReader struct {
	d       *Decoder
	generic bool // trees are built, for [Decoder.Objects]
	objects string
	stats   Stats

	all        []dependency
	index      map[uint64]int32 // id to position in all
	cache      [64]cached
	properties int64 // in all sets

	budget int64 // text bytes that the events may still have
	event  Event
	hashes map[namedSpan]uint32
}

type cached struct {
	id  uint64
	dep *dependency
}

func (d *Decoder) acquire() *blockReader {
	return d.readers.Get().(*blockReader)
}

// release forgets everything about the block, so that a pooled reader keeps no large memory alive.
func (d *Decoder) release(b *blockReader) {
	const keep = 1 << 12 // dependencies; more are rare, and a map never shrinks
	if len(b.all) > keep {
		return
	}
	clear(b.all)
	clear(b.index)
	clear(b.hashes)
	*b = blockReader{d: d, all: b.all[:0], index: b.index, hashes: b.hashes}
	d.readers.Put(b)
}

// load inflates p and reads its dependencies. When it fails with objects set, the events that need no more than what
// was read can still be decoded.
func (b *blockReader) load(p Payload, generic bool) error {
	objects, err := inflate(p.Objects, b.d.limits.QueueBytes)
	if err != nil {
		return fmt.Errorf("objects: %w", err)
	}
	dependencies, err := inflate(p.Dependencies, b.d.limits.QueueBytes)
	if err != nil {
		return fmt.Errorf("dependencies: %w", err)
	}
	return b.begin(dependencies, objects, generic)
}

// begin is load with the queues inflated.
func (b *blockReader) begin(dependencies, objects string, generic bool) error {
	b.generic, b.budget, b.objects = generic, b.d.limits.TextBytes, objects
	if err := b.readDependencies(dependencies); err != nil {
		return fmt.Errorf("dependencies: %w", err)
	}
	return nil
}

// queueReader takes a queue apart.
type queueReader struct {
	rest string
}

// next returns the type index and the bytes of the next record.
func (q *queueReader) next(types []compiledType) (typ int, record string, err error) {
	const dynamicHead = 5 // type index, u32 size
	typ = int(q.rest[0])
	if typ >= len(types) {
		return 0, "", fmt.Errorf("type index %d of %d types", typ, len(types))
	}
	begin, size := 1, uint64(types[typ].size)
	if size == 0 {
		if len(q.rest) < dynamicHead {
			return 0, "", fmt.Errorf("%s: the queue ends within the size", types[typ].name)
		}
		begin, size = dynamicHead, uint64(le32(q.rest, 1))
	}
	if size > uint64(len(q.rest)-begin) {
		return 0, "", fmt.Errorf("%s: %d bytes, but only %d are left in the queue", types[typ].name, size, len(q.rest)-begin)
	}
	end := begin + int(size)
	record = q.rest[begin:end]
	q.rest = q.rest[end:]
	return typ, record, nil
}

var errTextLimit = errors.New("the texts of the events exceed the limit")

// events decodes the queue of objects.
func (b *blockReader) events(yield func(*Event) error) error {
	q := queueReader{rest: b.objects}
	ev := &b.event
	for n := 0; len(q.rest) > 0; n++ {
		if n == b.d.limits.Events {
			return fmt.Errorf("objects: more than %d events", n)
		}
		typ, record, err := q.next(b.d.objects.types)
		if err != nil {
			return fmt.Errorf("objects: event %d: %w", n, err)
		}
		p := &b.d.programs[typ]
		if p.op == opSkip {
			b.stats.Skipped++
			continue
		}
		*ev = Event{Kind: p.kind, Type: p.name, Index: int64(n)}
		if err := b.decode(p, record, ev); err != nil {
			if b.budget < 0 {
				return fmt.Errorf("objects: event %d: %w", n, errTextLimit)
			}
			b.stats.bad(n, p.name, err)
			continue
		}
		b.budget -= int64(len(ev.Msg) + len(ev.Target) + len(ev.Name) + len(ev.Unit) + len(ev.File) + len(ev.Format) + len(ev.Data))
		if b.budget < 0 {
			return fmt.Errorf("objects: event %d: %w", n, errTextLimit)
		}
		b.stats.Decoded++
		if err := yield(ev); err != nil {
			return err
		}
	}
	return nil
}
