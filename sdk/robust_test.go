package sdk

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// counts is a sink that counts events.
type counts struct {
	nowhere
	events *int
}

func (c counts) Block(b sink.Block) { *c.events += b.Events; b.Release() }

// Each processor keeps a chunk. On a machine with many these must not take a small buffer, for good.
func TestSmallBufferOnManyProcessors(t *testing.T) {
	events := 0
	r, err := New(Options{Sink: counts{events: &events}, BufferBytes: 1 << 10, FlushPeriod: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r.addShards(64)
	m := Int("many", "count")
	for i, s := range *r.shards.Load() { // each has been used, and its chunk is full
		c := r.chunk(chunkWords)
		if c == nil {
			t.Fatalf("there is no room for processor %d", i)
		}
		s.extend(c)
		for s.room(3) {
			w, c, end := s.claim(3)
			w[0], w[1], w[2] = m.head, s.stamp(r), 1
			c.pos.Store(end)
		}
	}
	r.collect(true)
	before := events
	for range 1000 {
		r.Int(m, 1)
	}
	if err := r.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if got, lost := events-before, r.Losses(); got != 1000 || lost != (Losses{}) {
		t.Errorf("%d events of 1000 arrived; lost %+v", got, lost)
	}
}

// unfit is a sink that panics.
type unfit struct{ nowhere }

func (unfit) Block(sink.Block) { panic("unfit") }

// A sink of the program's that panics costs telemetry, and not the program (A139).
func TestSinkPanics(t *testing.T) {
	var said strings.Builder
	r, err := New(Options{Sink: unfit{}, FlushPeriod: time.Millisecond, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	r.Int(Int("unfit", "count"), 1)
	for { // the flusher has met the sink
		r.collecting.Lock()
		held := r.held
		lost := r.metrics.offset
		r.collecting.Unlock()
		if lost > 0 && held == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := r.Flush(context.Background()); err != nil {
		t.Error(err)
	}
	if err := r.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "unfit") {
		t.Errorf("the log is %q", said.String())
	}
}

// recorded keeps the record of the process.
type recorded struct {
	nowhere
	body *[]byte
}

func (r recorded) Process(body []byte) { *r.body = body }

// Whatever the program says about itself, servers take its record; without it they show nothing of it.
func TestRecordOfTheProcessIsClean(t *testing.T) {
	var body []byte
	r, err := New(Options{Sink: recorded{body: &body}, Process: telemetry.Process{
		Exe: "a\x00b\xff", Username: "\xc3", Realname: "\x00", Computer: "\xff", Distro: "\xff", CPUBrand: "\xff",
		Properties: map[string]string{"k\xff": "v\x00", "k": "\xff"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	p, err := wire.DecodeProcess(body)
	if err != nil || p.Exe != "ab\uFFFD" || p.Properties["k\uFFFD"] != "v" || p.Properties["k"] != "\uFFFD" {
		t.Errorf("%+v, %v", p, err)
	}
}

// Sets that are kept have a bound in bytes too; sets beyond it travel with their events.
func TestKeptSetsAreBounded(t *testing.T) {
	sets.mu.Lock()
	before := sets.bytes
	sets.bytes = maxSetBytes - 100
	sets.mu.Unlock()
	defer func() {
		sets.mu.Lock()
		sets.bytes = before
		sets.mu.Unlock()
	}()
	small, large := NewProps("bounded", "x"), NewProps("bounded", strings.Repeat("x", 1000))
	if small.set.id == 0 || large.set.id != 0 || NewProps("bounded", "x") != small {
		t.Errorf("the small set has number %d, the large one %d", small.set.id, large.set.id)
	}
}

// A scope that was never begun ends without a trace, as other spans do.
func TestZeroScope(t *testing.T) {
	var s Scope
	s.End()
	s.EndWith(NewProps("a", "b"))
}

// Attributes of kinds that need care.
func TestAttributeValues(t *testing.T) {
	var none *failure
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"bytes":        {[]byte("text"), "text"},
		"nil error":    {error(none), "!PANIC"},
		"a panic":      {slog.AnyValue(panics{}), "panic"},
		"no number":    {slog.Float64Value(nan()), "NaN"},
		"a long one":   {strings.Repeat("x", maxText+1), strings.Repeat("x", maxText)},
		"a cut letter": {strings.Repeat("x", maxText-1) + "ä", strings.Repeat("x", maxText-1)},
	} {
		text, n := appendAttr(nil, 0, "", slog.Any("k", c.value))
		eachProperty(string(text), n, func(_, got string) {
			if name == "a cut letter" || name == "a long one" || name == "bytes" || name == "no number" {
				if got != c.want {
					t.Errorf("%s is %.100q, want %.100q", name, got, c.want)
				}
			} else if !strings.Contains(strings.ToLower(got), strings.ToLower(c.want)) {
				t.Errorf("%s is %q", name, got)
			}
		})
	}
	long := strings.Repeat("k", maxText+1)
	text, n := appendAttr(nil, 0, "", slog.Int(long, 1))
	eachProperty(string(text), n, func(name, value string) {
		if len(name) != maxText || value != "1" {
			t.Errorf("a name of %d bytes with the value %q", len(name), value)
		}
	})
}

type failure struct{ text string }

func (f *failure) Error() string { return f.text }

type panics struct{}

func (panics) LogValue() slog.Value { panic("no value") }

func nan() float64 {
	zero := 0.0
	return zero / zero
}

// A level that is none: as a maximum it lets everything through, and spoils no other; entries of level off are none.
func TestLevelsOutOfRange(t *testing.T) {
	r, err := New(Options{Sink: nowhere{}, Console: &strings.Builder{}, Level: 200, ConsoleLevel: LevelError, FlushPeriod: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	log := r.NewLogger("range")
	if remote, console := r.levels.of(log.target); remote != LevelTrace || console != LevelError {
		t.Errorf("sent up to %v, shown up to %v", remote, console)
	}
	if log.Enabled(LevelOff) || log.Enabled(7) {
		t.Error("levels that are none are enabled")
	}
	log.Log(LevelOff, "none")
	r.Message(NewMessage(LevelOff, "none"), Props{})
	r.collect(false)
	if n := r.logs.events; n != 0 {
		t.Errorf("%d entries of level off", n)
	}
}

// decodes is a sink that notes when blocks and events are.
type decodes struct {
	nowhere
	t      *testing.T
	ticks  *[]telemetry.Ticks
	blocks *[]telemetry.Block
}

func (d decodes) Block(b sink.Block) {
	body, err := b.Encode()
	if err != nil {
		d.t.Error(err)
	}
	block, payload, err := wire.DecodeBlock(body)
	if err != nil {
		d.t.Error(err)
	}
	dependencies, objects := wire.MetricLayouts()
	decoder, err := wire.NewDecoder(dependencies, objects, wire.Limits{})
	if err != nil {
		d.t.Error(err)
	}
	_, err = decoder.Events(payload, func(e *wire.Event) error {
		if e.Ticks < block.BeginTicks || e.Ticks > block.EndTicks {
			d.t.Errorf("an event at %d in [%d, %d]", e.Ticks, block.BeginTicks, block.EndTicks)
		}
		*d.ticks = append(*d.ticks, e.Ticks)
		return nil
	})
	if err != nil {
		d.t.Error(err)
	}
	*d.blocks = append(*d.blocks, block)
	b.Release()
}

// After the machine has slept, events have the time of the clock on the wall, from whatever library they come.
func TestEventsAfterSleep(t *testing.T) {
	for _, kind := range []Clock{ClockAuto, ClockMonotonic} {
		var ticks []telemetry.Ticks
		var blocks []telemetry.Block
		r, err := New(Options{Sink: decodes{t: t, ticks: &ticks, blocks: &blocks}, Clock: kind, FlushPeriod: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		m := Int("slept", "count")
		r.Int(m, 1)
		before := time.Now()
		r.collect(false)
		const nap = telemetry.Ticks(time.Hour)
		elapsed, wall := r.clock.clocks()
		r.collecting.Lock()
		r.clock.follow(elapsed, wall+int64(nap))
		r.collecting.Unlock()
		r.Int(m, 2)
		after := time.Now()
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if len(ticks) != 2 || ticks[1]-ticks[0] < nap || ticks[1]-ticks[0] > nap+telemetry.Ticks(time.Minute) {
			t.Errorf("events at %v", ticks)
		}
		for _, b := range blocks {
			off := b.EndTicks - b.BeginTicks - telemetry.Ticks(b.EndTime-b.BeginTime)
			if micro := telemetry.Ticks(time.Microsecond); b.EndTime < b.BeginTime || off < -micro || off > micro {
				t.Errorf("a block from %v to %v", b.BeginTime, b.EndTime)
			}
		}
		f := r.Foreign()
		if gap := f.TicksAt(after) - f.TicksAt(before); gap < nap || gap > nap+telemetry.Ticks(time.Minute) {
			t.Errorf("%v passed while the machine slept", time.Duration(gap))
		}
		if at := f.TicksAt(after.Round(0)); at > f.TicksAt(after)-nap/2 {
			t.Errorf("a moment of the clock on the wall is put at %v", time.Duration(at))
		}
	}
}

// Many targets, as attributes of log entries make them, cost no more than few.
func TestManyTargets(t *testing.T) {
	r, err := New(Options{Sink: nowhere{}, FlushPeriod: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(context.Background())
	if err := r.RemoteLevels().Set("info,many=off"); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		name := "other/" + strings.Repeat("x", i)
		if i%2 == 0 {
			name = "many/" + strings.Repeat("x", i)
		}
		want := LevelInfo
		if i%2 == 0 {
			want = LevelOff
		}
		if got, _ := r.levels.of(targets.id(name)); got != want {
			t.Fatalf("target %d is taken up to %v, want %v", i, got, want)
		}
	}
	if err := r.RemoteLevels().Set("error"); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.levels.of(targets.id("many/")); got != LevelError {
		t.Errorf("after a change it is taken up to %v", got)
	}
}
