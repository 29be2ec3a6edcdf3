package main

import (
	"runtime"
	"strconv"
	"sync"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// target is where everything here says that it comes from.
const target = "hostmon"

// recorder takes the events of this process and cuts them into blocks. One mutex is enough for a few events a second.
type recorder struct {
	clock   clock
	process telemetry.Process

	mu      sync.Mutex // guards what follows, the builders included
	logs    *wire.LogBuilder
	metrics *wire.MetricBuilder
	tracks  []*track
}

// track is a stream with the block that is being filled.
type track struct {
	stream telemetry.Stream
	block  builder
	opened telemetry.Ticks // when the block was begun: when the one before ended
	sent   int64           // events of earlier blocks
}

type builder interface {
	Len() int
	Finish() (wire.Payload, int32)
}

func newRecorder(c clock, p telemetry.Process) *recorder {
	r := &recorder{clock: c, process: p, logs: &wire.LogBuilder{}, metrics: &wire.MetricBuilder{}}
	dependencies, objects := wire.LogLayouts()
	r.add(r.logs, telemetry.TagLog, dependencies, objects, nil)
	dependencies, objects = wire.MetricLayouts()
	r.add(r.metrics, telemetry.TagMetrics, dependencies, objects, nil)
	return r
}

func (r *recorder) add(b builder, tag string, dependencies, objects wire.Layout, properties map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tracks = append(r.tracks, &track{
		stream: telemetry.Stream{
			ID: telemetry.StreamID(uuid.New()), ProcessID: r.process.ID,
			DependenciesMetadata: dependencies.Encode(), ObjectsMetadata: objects.Encode(),
			Tags: []string{tag}, Properties: properties, Format: telemetry.FormatNative,
		},
		block: b, opened: r.clock.now(),
	})
}

// streams returns what has to be registered before the first block.
func (r *recorder) streams() []telemetry.Stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	streams := make([]telemetry.Stream, len(r.tracks))
	for i, t := range r.tracks {
		streams[i] = t.stream
	}
	return streams
}

func (r *recorder) log(level int32, msg string, p wire.Properties) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs.Add(r.clock.now(), level, target, msg, p)
}

func (r *recorder) integer(d *wire.MetricDesc, v uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics.Integer(r.clock.now(), d, v, nil)
}

func (r *recorder) float(d *wire.MetricDesc, v float64, p ...wire.Property) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics.Float(r.clock.now(), d, v, p)
}

// thread is a goroutine whose spans are recorded. Its spans nest.
type thread struct {
	recorder *recorder
	spans    *wire.SpanBuilder
}

// thread makes the track of a goroutine. All are made before the streams are registered.
func (r *recorder) thread(id int, name string) *thread {
	t := &thread{recorder: r, spans: &wire.SpanBuilder{}}
	dependencies, objects := wire.SpanLayouts()
	r.add(t.spans, telemetry.TagCPU, dependencies, objects, map[string]string{"thread-name": name, "thread-id": strconv.Itoa(id)})
	return t
}

// span begins a span; the result ends it: defer t.span(d)().
func (t *thread) span(d *wire.SpanDesc) (end func()) {
	t.mark(t.spans.Begin, d)
	return func() { t.mark(t.spans.End, d) }
}

func (t *thread) mark(event func(telemetry.Ticks, *wire.SpanDesc), d *wire.SpanDesc) {
	t.recorder.mu.Lock()
	defer t.recorder.mu.Unlock()
	event(t.recorder.clock.now(), d)
}

// cut ends the blocks that hold something and returns them as insert_block requests.
func (r *recorder) cut() (bodies [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tracks {
		if t.block.Len() == 0 {
			continue
		}
		now := r.clock.now()
		payload, n := t.block.Finish()
		b := telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), StreamID: t.stream.ID, ProcessID: r.process.ID,
			BeginTime: r.time(t.opened), EndTime: r.time(now),
			BeginTicks: t.opened - r.process.StartTicks, EndTicks: now - r.process.StartTicks,
			Objects: n, ObjectOffset: t.sent,
		}
		bodies = append(bodies, wire.EncodeBlock(b, payload))
		t.opened, t.sent = now, t.sent+int64(n)
	}
	return bodies
}

func (r *recorder) time(t telemetry.Ticks) telemetry.Time {
	return telemetry.NewClock(r.process.StartTime, r.process.StartTicks, r.process.TSCFrequency).Time(t)
}

// metric describes a metric that is declared where it is called.
func metric(name, unit string) wire.MetricDesc {
	file, line := caller()
	return wire.MetricDesc{Name: name, Unit: unit, Target: target, File: file, Line: line, LOD: 2}
}

// span describes a span that is declared where it is called.
func span(name string) wire.SpanDesc {
	file, line := caller()
	return wire.SpanDesc{Name: name, Target: target, ModulePath: target, File: file, Line: line, LOD: 2}
}

// caller is the place two calls up, with the file's name alone: paths of the machine it was built on concern nobody.
func caller() (string, uint32) {
	_, file, line, ok := runtime.Caller(2)
	if !ok {
		return "", 0
	}
	for i := len(file) - 1; i >= 0; i-- {
		if file[i] == '/' {
			file = file[i+1:]
			break
		}
	}
	return file, uint32(line)
}
