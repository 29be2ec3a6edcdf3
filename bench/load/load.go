// Package load makes telemetry for benchmarks: blocks of logs and metrics as a busy program would send them, the same for the same seed.
package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Source is one instrumented process with one stream.
type Source struct {
	Process telemetry.Process
	Stream  telemetry.Stream

	metrics bool
	rand    *rand.Rand
	ticks   telemetry.Ticks
	offset  int64
}

// NewSource returns the source of log entries number seed; its process starts at start.
func NewSource(seed uint64, start telemetry.Time) *Source {
	deps, objects := wire.LogLayouts()
	return newSource(seed, 1, start, telemetry.TagLog, deps, objects)
}

// NewMetricSource returns the source of measures number seed; its process starts at start.
func NewMetricSource(seed uint64, start telemetry.Time) *Source {
	deps, objects := wire.MetricLayouts()
	s := newSource(seed, 2, start, telemetry.TagMetrics, deps, objects)
	s.metrics = true
	return s
}

func newSource(seed, kind uint64, start telemetry.Time, tag string, deps, objects wire.Layout) *Source {
	r := rand.New(rand.NewPCG(seed, kind)) // repeatable on purpose
	s := &Source{rand: r, ticks: telemetry.Ticks(r.Int64N(1e15))}
	s.Process = telemetry.Process{
		ID: telemetry.ProcessID(newID(r)), Exe: "/opt/shooter/bin/server", Username: "svc", Realname: "svc",
		Computer: fmt.Sprintf("node-%02d", seed%50), Distro: "Debian GNU/Linux 12", CPUBrand: "AMD EPYC",
		TSCFrequency: 1e9, StartTime: start.Micros(), StartTicks: s.ticks,
		Properties: map[string]string{"build": fmt.Sprintf("%d", 4000+seed%7), "region": regions[seed%4]},
	}
	s.Stream = telemetry.Stream{
		ID: telemetry.StreamID(newID(r)), ProcessID: s.Process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{tag}, Format: telemetry.FormatNative,
	}
	return s
}

var regions = [...]string{"eu-west", "us-east", "us-west", "ap-south"}

func newID(r *rand.Rand) uuid.UUID {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// Block returns the next block, of n events that are about a millisecond apart.
func (s *Source) Block(n int) (telemetry.Block, wire.Payload) {
	b := telemetry.Block{
		ID: telemetry.BlockID(newID(s.rand)), StreamID: s.Stream.ID, ProcessID: s.Process.ID,
		BeginTicks: s.ticks - s.Process.StartTicks, ObjectOffset: s.offset,
	}
	var payload wire.Payload
	var count int32
	if s.metrics {
		payload, count = s.measures(n)
	} else {
		payload, count = s.entries(n)
	}
	b.Objects = count
	s.offset += int64(n)
	b.EndTicks = s.ticks - s.Process.StartTicks
	at := func(t telemetry.Ticks) telemetry.Time { return (s.Process.StartTime + telemetry.Time(t)).Micros() }
	b.BeginTime, b.EndTime = at(b.BeginTicks), at(b.EndTicks)
	return b, payload
}

func (s *Source) step() {
	s.ticks += telemetry.Ticks(s.rand.ExpFloat64() * 1e6)
}

func (s *Source) entries(n int) (wire.Payload, int32) {
	var builder wire.LogBuilder
	for range n {
		s.step()
		level, target, msg := s.entry()
		builder.Add(s.ticks, level, target, msg, nil)
	}
	return builder.Finish()
}

// measures makes up what a game tells every frame: times that are spread about a mean, counts, sizes.
func (s *Source) measures(n int) (wire.Payload, int32) {
	var builder wire.MetricBuilder
	for range n {
		s.step()
		i := s.rand.IntN(len(metrics))
		m := &metrics[i]
		if m.Unit == "count" || m.Unit == "bytes" {
			builder.Integer(s.ticks, m, uint64(1000*(i+1)+s.rand.IntN(500)), nil)
		} else {
			builder.Float(s.ticks, m, float64(i+1)*(1+0.1*s.rand.NormFloat64()), nil)
		}
	}
	return builder.Finish()
}

// metrics are forty names, most of them times of phases of a frame.
var metrics = func() []wire.MetricDesc {
	list := []wire.MetricDesc{
		{Name: "frame_time", Unit: "ms", Target: "render::frame"},
		{Name: "used_memory", Unit: "bytes", Target: "system"},
		{Name: "cpu_usage", Unit: "percent", Target: "system"},
		{Name: "draw_calls", Unit: "count", Target: "render::frame"},
	}
	for i := range 36 {
		list = append(list, wire.MetricDesc{Name: fmt.Sprintf("phase_%02d", i), Unit: "ms", Target: targets[i%len(targets)]})
	}
	return list
}()

// entry makes up one log entry: mostly info and debug, a few targets, texts with numbers in them.
func (s *Source) entry() (level int32, target, msg string) {
	r := s.rand
	target = targets[min(r.IntN(len(targets)), r.IntN(len(targets)))]
	switch p := r.IntN(1000); {
	case p < 2:
		return wire.LevelError, target, fmt.Sprintf("request %08x to %s failed after %d ms: connection reset by peer", r.Uint32(), hosts[r.IntN(len(hosts))], r.IntN(5000))
	case p < 20:
		return wire.LevelWarn, target, fmt.Sprintf("slow frame: %d.%02d ms in %s, budget is 16.67 ms", 17+r.IntN(80), r.IntN(100), phases[r.IntN(len(phases))])
	case p < 500:
		return wire.LevelInfo, target, fmt.Sprintf("player %d joined match %d on map %s", r.IntN(2_000_000), r.IntN(90_000), maps[r.IntN(len(maps))])
	case p < 800:
		return wire.LevelDebug, target, fmt.Sprintf("loaded asset /Game/%s/mesh_%04d in %d us", maps[r.IntN(len(maps))], r.IntN(5000), r.IntN(900))
	default:
		return wire.LevelTrace, target, fmt.Sprintf("tick %d: %d actors, %d updates sent", s.offset, 100+r.IntN(900), r.IntN(4000))
	}
}

var (
	targets = [...]string{
		"net::replication", "game::match", "render::frame", "asset::loader", "physics::step", "audio::mixer", "ai::planner",
		"net::session", "ui::hud", "save::store", "anim::graph", "telemetry::sink",
	}
	hosts  = [...]string{"auth.internal:8443", "match-7.internal:9100", "inventory.internal:8080"}
	phases = [...]string{"simulate", "animate", "cull", "submit"}
	maps   = [...]string{"arena", "harbour", "canyon", "old_town", "reactor"}
)
