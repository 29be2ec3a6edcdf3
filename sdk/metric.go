package sdk

import (
	"math"

	"github.com/micromegas-go/micromegas/wire"
)

// IntMetric is a metric whose samples are integers.
type IntMetric struct{ head, float uint64 }

// FloatMetric is a metric whose samples are floats.
type FloatMetric struct{ head uint64 }

// Int declares an integer metric; declare metrics in package variables. The unit is free text: "bytes", "seconds",
// "count".
func Int(name, unit string, with ...Declaration) *IntMetric {
	id := metricID(name, unit, caller(1, with))
	return &IntMetric{head: headOf(kindInt, id), float: headOf(kindFloat, id)}
}

// Float declares a float metric.
func Float(name, unit string, with ...Declaration) *FloatMetric {
	return &FloatMetric{head: headOf(kindFloat, metricID(name, unit, caller(1, with)))}
}

func metricID(name, unit string, p place) uint32 {
	return metrics.id(wire.MetricDesc{Name: name, Unit: unit, Target: p.target, File: p.file, Line: p.line, LOD: lod})
}

// Record records a sample with the default recorder. A negative value travels as a float, as the format has no signed
// integers.
func (m *IntMetric) Record(v int64) {
	if r := recording.Load(); r != nil {
		r.Int(m, v)
	}
}

// Record records a sample with the default recorder.
func (m *FloatMetric) Record(v float64) {
	if r := recording.Load(); r != nil {
		r.sample(m.head, math.Float64bits(v))
	}
}

// With returns the metric with properties: requests.With(forHost).Record(1).
func (m *IntMetric) With(p Props) TaggedInt { return TaggedInt{m, p.set} }

// With returns the metric with properties.
func (m *FloatMetric) With(p Props) TaggedFloat { return TaggedFloat{m, p.set} }

// TaggedInt is an integer metric with properties.
type TaggedInt struct {
	metric *IntMetric
	set    *propertySet
}

// TaggedFloat is a float metric with properties.
type TaggedFloat struct {
	metric *FloatMetric
	set    *propertySet
}

// Record records a sample with the default recorder.
func (m TaggedInt) Record(v int64) {
	if r := recording.Load(); r != nil {
		r.tagged(m.metric.headFor(v), m.metric.bits(v), m.set)
	}
}

// Record records a sample with the default recorder.
func (m TaggedFloat) Record(v float64) {
	if r := recording.Load(); r != nil {
		r.tagged(m.metric.head, math.Float64bits(v), m.set)
	}
}

func (m *IntMetric) headFor(v int64) uint64 {
	if v < 0 {
		return m.float
	}
	return m.head
}

func (m *IntMetric) bits(v int64) uint64 {
	if v < 0 {
		return math.Float64bits(float64(v))
	}
	return uint64(v)
}

// Int records a sample of an integer metric.
func (r *Recorder) Int(m *IntMetric, v int64) {
	if v < 0 {
		r.sample(m.float, math.Float64bits(float64(v)))
		return
	}
	r.sample(m.head, uint64(v))
}

// Float records a sample of a float metric.
func (r *Recorder) Float(m *FloatMetric, v float64) { r.sample(m.head, math.Float64bits(v)) }

// IntWith records a sample of an integer metric with properties.
func (r *Recorder) IntWith(m *IntMetric, p Props, v int64) { r.tagged(m.headFor(v), m.bits(v), p.set) }

// FloatWith records a sample of a float metric with properties.
func (r *Recorder) FloatWith(m *FloatMetric, p Props, v float64) {
	r.tagged(m.head, math.Float64bits(v), p.set)
}

// sample records head, stamp and value on the processor's shard.
func (r *Recorder) sample(head, bits uint64) {
	s := r.enter()
	if s == nil {
		return
	}
	n := s.cur.pos.Load()
	if uint64(len(s.cur.words)) < n+3 {
		s.leave()
		if s = r.enterRoom(kindOf(head), 3); s == nil {
			return
		}
		n = s.cur.pos.Load()
	}
	c := s.cur
	w := c.words[n : n+3 : n+3]
	w[0] = head
	w[2] = bits
	w[1] = s.stamp(r)
	c.pos.Store(n + 3)
	s.leave()
}

// tagged is sample with properties.
func (r *Recorder) tagged(head, bits uint64, set *propertySet) {
	switch {
	case set == nil:
		r.sample(head, bits)
	case set.id != 0:
		r.sample(head|uint64(set.id)<<argShift, bits)
	default:
		n := 3 + 1 + wordsFor(len(set.text))
		s := r.enterRoom(kindOf(head), n)
		if s == nil {
			return
		}
		w, c, end := s.claim(n)
		w[0] = head | uint64(inline)
		w[2] = bits
		putProperties(w[3:], len(set.list), set.text)
		w[1] = s.stamp(r)
		c.pos.Store(end)
		s.leave()
	}
}

// claim returns the next n words, for which there is room, and what to publish afterwards in which chunk.
func (l *lane) claim(n int) (words []uint64, c *chunk, end uint64) {
	c = l.cur
	at := c.pos.Load()
	end = at + uint64(n)
	return c.words[at:end:end], c, end
}

// stamp reads the recorder's clock.
func (l *lane) stamp(r *Recorder) uint64 {
	if l.tsc {
		return counter()
	}
	return uint64(r.clock.elapsed())
}

// putProperties writes inline properties.
func putProperties(w []uint64, n int, text string) {
	w[0] = uint64(n)<<argShift | uint64(len(text))
	copy(bytesOf(w[1:]), text)
}
