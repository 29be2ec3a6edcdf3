// Package load makes telemetry for benchmarks: log blocks as a busy program would send them, the same for the same seed.
package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Source is one instrumented process with one log stream.
type Source struct {
	Process telemetry.Process
	Stream  telemetry.Stream

	rand   *rand.Rand
	ticks  telemetry.Ticks
	offset int64
}

// NewSource returns the source number seed; its process starts at start.
func NewSource(seed uint64, start telemetry.Time) *Source {
	r := rand.New(rand.NewPCG(seed, 1)) // repeatable on purpose
	deps, objects := wire.LogLayouts()
	s := &Source{rand: r, ticks: telemetry.Ticks(r.Int64N(1e15))}
	s.Process = telemetry.Process{
		ID: telemetry.ProcessID(newID(r)), Exe: "/opt/shooter/bin/server", Username: "svc", Realname: "svc",
		Computer: fmt.Sprintf("node-%02d", seed%50), Distro: "Debian GNU/Linux 12", CPUBrand: "AMD EPYC",
		TSCFrequency: 1e9, StartTime: start.Micros(), StartTicks: s.ticks,
		Properties: map[string]string{"build": fmt.Sprintf("%d", 4000+seed%7), "region": regions[seed%4]},
	}
	s.Stream = telemetry.Stream{
		ID: telemetry.StreamID(newID(r)), ProcessID: s.Process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
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

// Block returns the next block, of n log entries that are about a millisecond apart.
func (s *Source) Block(n int) (telemetry.Block, wire.Payload) {
	b := telemetry.Block{
		ID: telemetry.BlockID(newID(s.rand)), StreamID: s.Stream.ID, ProcessID: s.Process.ID,
		BeginTicks: s.ticks - s.Process.StartTicks, ObjectOffset: s.offset,
	}
	var builder wire.LogBuilder
	for range n {
		s.ticks += telemetry.Ticks(s.rand.ExpFloat64() * 1e6)
		level, target, msg := s.entry()
		builder.Add(s.ticks, level, target, msg, nil)
	}
	payload, count := builder.Finish()
	b.Objects = count
	s.offset += int64(n)
	b.EndTicks = s.ticks - s.Process.StartTicks
	at := func(t telemetry.Ticks) telemetry.Time { return (s.Process.StartTime + telemetry.Time(t)).Micros() }
	b.BeginTime, b.EndTime = at(b.BeginTicks), at(b.EndTicks)
	return b, payload
}

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
