package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"runtime"
	"time"

	"github.com/micromegas-go/micromegas/wire"
)

var (
	spanSample = span("sample")

	goroutines = metric("goroutines", "none")
	heapBytes  = metric("go_heap", "bytes")
)

// sampler reads what the machine tells.
type sampler struct {
	recorder *recorder
	thread   *thread
	root     rootFS
	log      *slog.Logger
	sources  []*source

	latest latest
	cpu    cpuTimes
	disks  rates
	nets   rates
	high   map[string]bool // which alarms are on
}

// latest is what a sample's log line shows.
type latest struct {
	cpuPercent, memoryPercent, load float64
}

// source is one kind of measurement.
type source struct {
	name    string
	span    wire.SpanDesc
	read    func() error
	missing bool // this machine doesn't have it; don't ask again
}

func newSampler(r *recorder, t *thread, root rootFS, log *slog.Logger) *sampler {
	s := &sampler{recorder: r, thread: t, root: root, log: log, high: map[string]bool{}}
	s.sources = []*source{
		{name: "cpu", span: span("read_cpu"), read: s.readCPU},
		{name: "memory", span: span("read_memory"), read: s.readMemory},
		{name: "load", span: span("read_load"), read: s.readLoad},
		{name: "disk", span: span("read_disk"), read: s.readDisk},
		{name: "network", span: span("read_network"), read: s.readNetwork},
		{name: "go", span: span("read_go"), read: s.readGo},
	}
	return s
}

// sample reads every source once. One that this machine doesn't have is named once and left alone from then on.
func (s *sampler) sample(ctx context.Context) {
	defer s.thread.span(&spanSample)()
	for _, src := range s.sources {
		if src.missing {
			continue
		}
		end := s.thread.span(&src.span)
		err := src.read()
		end()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			src.missing = true
			s.log.InfoContext(ctx, "not measured on this machine", "source", src.name)
		case err != nil:
			s.log.WarnContext(ctx, "can't be measured now", "source", src.name, "err", err)
		}
	}
	s.log.DebugContext(ctx, "sample", "cpu_percent", s.latest.cpuPercent, "memory_percent", s.latest.memoryPercent, "load", s.latest.load)
	s.alarm(ctx, "cpu", s.latest.cpuPercent)
	s.alarm(ctx, "memory", s.latest.memoryPercent)
}

// alarm warns when a percentage gets high, and says when it is back to normal. The two bounds differ so that a value
// that trembles around one doesn't fill the log.
func (s *sampler) alarm(ctx context.Context, what string, percent float64) {
	const high, normal = 90, 80
	switch {
	case percent >= high && !s.high[what]:
		s.high[what] = true
		s.log.WarnContext(ctx, what+" usage is high", "percent", percent) //nolint:sloglint // two messages
	case percent < normal && s.high[what]:
		s.high[what] = false
		s.log.InfoContext(ctx, what+" usage is back to normal", "percent", percent) //nolint:sloglint // two messages
	}
}

// readGo measures this program itself, which works everywhere.
func (s *sampler) readGo() error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.recorder.integer(&heapBytes, m.HeapAlloc)
	s.recorder.integer(&goroutines, uint64(runtime.NumGoroutine()))
	return nil
}

// rates turns counters into bytes per second.
type rates struct {
	at   time.Time
	last map[string]counters
}

// counters count bytes since the machine started.
type counters struct{ in, out uint64 }

// next yields the rates of what is in now and was there the last time, and remembers now.
func (r *rates) next(now map[string]counters, yield func(name string, in, out float64)) {
	at := time.Now()
	seconds := at.Sub(r.at).Seconds()
	for name, c := range now {
		before, ok := r.last[name]
		if !ok || seconds <= 0 || c.in < before.in || c.out < before.out { // new, or counting from 0 again
			continue
		}
		yield(name, float64(c.in-before.in)/seconds, float64(c.out-before.out)/seconds)
	}
	r.at, r.last = at, now
}
