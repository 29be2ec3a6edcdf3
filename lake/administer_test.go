package lake_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// plant is a lake whose clock the test moves.
type plant struct {
	rig
	*testing.T
	clock atomic.Int64
	said  []string
}

const day = 24 * time.Hour

func newPlant(t *testing.T, m lake.Maintenance) *plant {
	t.Helper()
	p := &plant{T: t}
	p.clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	folder := t.TempDir()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	p.catalog, err = catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db"), Log: log, Now: p.now})
	p.ok(err)
	p.objects, err = dir.Open(filepath.Join(folder, "objects"))
	p.ok(err)
	p.Lake, err = lake.Open(t.Context(), lake.Options{
		Catalog: p.catalog, Objects: p.objects, CacheDir: filepath.Join(folder, "cache"), Log: log, Now: p.now, Maintenance: m,
	})
	p.ok(err)
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), p.catalog.Close()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *plant) now() time.Time                     { return time.Unix(0, p.clock.Load()).UTC() }
func (p *plant) at() telemetry.Time                 { return telemetry.Time(p.clock.Load()) }
func (p *plant) advance(d time.Duration)            { p.clock.Add(int64(d)) }
func (p *plant) say(msg string)                     { p.said = append(p.said, msg) }
func (p *plant) age(d time.Duration) telemetry.Time { return p.at() - telemetry.Time(d) }

func (p *plant) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// check verifies the invariant of the catalog.
func (p *plant) check() {
	p.Helper()
	p.ok(p.catalog.CheckCoverage(p.Context()))
}

// program is a process with a stream.
type program struct {
	process telemetry.Process
	stream  telemetry.Stream
}

func (p *plant) program(tags ...string) program {
	p.Helper()
	deps, layouts := wire.LogLayouts()
	if tags[0] == telemetry.TagMetrics {
		deps, layouts = wire.MetricLayouts()
	}
	g := program{process: telemetry.Process{ID: telemetry.ProcessID(uuid.New()), Exe: "game", TSCFrequency: 1e9, StartTime: p.at()}}
	g.stream = telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: g.process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: layouts.Encode(), Tags: tags, Format: telemetry.FormatNative,
	}
	p.ok(p.InsertProcess(p.Context(), g.process))
	p.ok(p.InsertStream(p.Context(), g.stream))
	return g
}

// log appends a block of n log entries; the payload lies in a segment when large is true.
func (p *plant) log(g program, n int, large bool) telemetry.BlockID {
	p.Helper()
	var b wire.LogBuilder
	for i := range n {
		msg := fmt.Sprintf("message %d", i)
		if large {
			msg += noise(10_000)
		}
		b.Add(telemetry.Ticks(i), wire.LevelInfo, "target", msg, nil)
	}
	payload, objects := b.Finish()
	return p.append(g, payload, objects)
}

// noise returns text that does not become shorter by compression.
func noise(n int) string {
	random := rand.New(rand.NewPCG(uint64(n), rand.Uint64()))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + random.IntN(90))
	}
	return string(b)
}

func (p *plant) append(g program, payload wire.Payload, objects int32) telemetry.BlockID {
	p.Helper()
	block := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: g.stream.ID, ProcessID: g.process.ID, Objects: objects, EndTicks: 1,
		PayloadSize: int64(len(payload.Encode())),
	}
	p.ok(p.Append(p.Context(), block, payload))
	return block.ID
}

func (p *plant) metric(g program) telemetry.BlockID {
	p.Helper()
	var b wire.MetricBuilder
	b.Integer(1, &wire.MetricDesc{Target: "t", Name: "m", Unit: "count"}, 1, nil)
	payload, objects := b.Finish()
	return p.append(g, payload, objects)
}

// rows counts the rows of a view.
func (p *plant) rows(view string) int {
	p.Helper()
	return len(p.scan(p.T, view, ""))
}

func (p *plant) live() []lake.PartitionRecord {
	p.Helper()
	list, err := p.Partitions(p.Context())
	p.ok(err)
	return list
}

func (p *plant) settle() {
	p.Helper()
	p.ok(p.Settle(p.Context()))
	p.check()
}

// TestRetirePartitions gives rows back to what is decoded for each query: none is lost, and they become a partition again.
func TestRetirePartitions(t *testing.T) {
	p := newPlant(t, lake.Maintenance{MergeFiles: 1000})
	g := p.program(telemetry.TagLog)
	begin := p.at()
	p.advance(1234567 * time.Nanosecond)
	p.log(g, 3, false)
	p.settle()
	p.advance(time.Hour)
	p.log(g, 5, true)
	p.settle()
	list := p.live()
	if len(list) != 2 || list[0].Begin != begin+1234000 || list[0].End != begin+1235000 || list[0].Instance != "global" || list[0].Objects != 3 {
		t.Fatalf("partitions %+v", list)
	}

	p.ok(p.RetirePartitions(t.Context(), "log_entries", "global", begin, begin, p.say))
	p.ok(p.RetirePartitions(t.Context(), "log_entries", g.process.ID.String(), begin, p.at(), p.say))
	if len(p.said) != 2 || !strings.HasSuffix(p.said[0], "log_entries global: matching partitions not found") {
		t.Errorf("said %q", p.said)
	}
	p.said = nil
	p.ok(p.RetirePartitions(t.Context(), "log_entries", "global", list[0].Begin, list[0].End, p.say))
	if len(p.said) != 1 || !strings.HasPrefix(p.said[0], "[RETIRE_FOUND] view=log_entries") {
		t.Errorf("said %q", p.said)
	}
	p.check()
	if n := p.rows("log_entries"); n != 8 {
		t.Errorf("%d rows after retiring, want 8", n)
	}
	if left := p.live(); len(left) != 1 || left[0].ID != list[1].ID {
		t.Errorf("left %+v", left)
	}
	p.settle()
	if n := p.rows("log_entries"); n != 8 || len(p.live()) != 2 {
		t.Errorf("%d rows in %d partitions, want 8 in 2", n, len(p.live()))
	}

	for set, want := range map[string]string{
		"nothing": "view set nothing not found", "thread_spans": "view set thread_spans is kept in no partitions: its rows are made when they are asked for",
	} {
		err := p.RetirePartitions(t.Context(), set, "global", begin, p.at(), p.say)
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Msg != want {
			t.Errorf("%s: %v", set, err)
		}
	}
	err := p.RetirePartitions(t.Context(), "log_entrys", "global", begin, p.at(), p.say)
	if f := fault.Of(err); f == nil || f.Fix != "is log_entries meant?" {
		t.Errorf("a misspelled view set: %v", err)
	}
}

func TestRetireMatching(t *testing.T) {
	p := newPlant(t, lake.Maintenance{MergeFiles: 1000})
	g := p.program(telemetry.TagLog)
	for range 2 {
		p.log(g, 3, false)
		p.settle()
	}
	p.advance(time.Hour)
	p.log(g, 3, false)
	p.settle()
	list := p.live()
	of := func(r lake.PartitionRecord) lake.PartitionMatch {
		return lake.PartitionMatch{Set: "log_entries", Instance: "global", Begin: r.Begin, End: r.End, Hash: r.Hash}
	}
	other := of(list[2])
	other.Hash = []byte{99}
	for name, tc := range map[string]struct {
		matches []lake.PartitionMatch
		want    []error
	}{
		"none":          {[]lake.PartitionMatch{of(list[2]), {File: "views/other"}}, []error{nil, lake.ErrNoPartition}},
		"ambiguous":     {[]lake.PartitionMatch{of(list[0])}, []error{lake.ErrAmbiguous}},
		"other schema":  {[]lake.PartitionMatch{other}, []error{lake.ErrNoPartition}},
		"one by file":   {[]lake.PartitionMatch{{File: list[1].File}}, []error{nil}},
		"one by values": {[]lake.PartitionMatch{of(list[2]), of(list[2])}, []error{nil, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(p.live())
			errs, err := p.RetireMatching(t.Context(), tc.matches)
			if err != nil || !slices.Equal(errs, tc.want) {
				t.Fatalf("RetireMatching = %v, %v; want %v", errs, err, tc.want)
			}
			want := before
			if errs[len(errs)-1] == nil {
				want--
			}
			if n := len(p.live()); n != want {
				t.Errorf("%d partitions are left, want %d", n, want)
			}
			p.check()
			if n := p.rows("log_entries"); n != 9 {
				t.Errorf("%d rows, want 9", n)
			}
			p.settle() // as before
		})
	}
}

func TestMaterialisePartitions(t *testing.T) {
	p := newPlant(t, lake.Maintenance{MergeFiles: 1000})
	g := p.program(telemetry.TagLog)
	begin := p.at()
	p.log(g, 3, false)
	p.advance(time.Hour)
	p.log(g, 4, false)
	p.advance(time.Hour)
	p.log(g, 5, false)
	end := begin + telemetry.Time(2*time.Hour) // not the third
	p.ok(p.MaterialisePartitions(t.Context(), "log_entries", begin, end, time.Hour, p.say))
	p.check()
	if got := p.live(); len(got) != 2 || got[0].Rows != 3 || got[1].Rows != 4 {
		t.Errorf("partitions %+v", got)
	}
	if n := p.rows("log_entries"); n != 12 {
		t.Errorf("%d rows, want 12", n)
	}
	p.said = nil
	p.ok(p.MaterialisePartitions(t.Context(), "log_entries", begin, end, time.Hour, p.say))
	if len(p.said) != 2 || !strings.HasSuffix(p.said[0], "log_entries global: already up to date, nb_source_events=3") {
		t.Errorf("said %q", p.said)
	}

	// A block that cannot be decoded fails the operation, but not the others.
	bad := p.append(g, wire.Payload{Objects: []byte{1, 2, 3}}, 1)
	err := p.MaterialisePartitions(t.Context(), "log_entries", begin, p.at()+1, day, p.say)
	if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Msg, bad.String()) {
		t.Errorf("MaterialisePartitions = %v, want a fault that names the block", err)
	}
	p.check()
	if got := p.live(); len(got) != 3 {
		t.Errorf("%d partitions, want 3", len(got))
	}
	for name, err := range map[string]error{
		"no step":  p.MaterialisePartitions(t.Context(), "log_entries", begin, end, 0, p.say),
		"no range": p.MaterialisePartitions(t.Context(), "log_entries", end, begin, time.Hour, p.say),
		"too many": p.MaterialisePartitions(t.Context(), "log_entries", begin, begin+telemetry.Time(1e9*day.Hours()), time.Nanosecond, p.say),
		"no set":   p.MaterialisePartitions(t.Context(), "processes", begin, end, time.Hour, p.say),
		"no tiles": p.RegeneratePartitions(t.Context(), "log_entries", begin, end, 7*time.Minute, p.say),
	} {
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid {
			t.Errorf("%s: %v, want a fault of kind Invalid", name, err)
		}
	}
}

// TestRegeneratePartitions makes partitions anew that need several files of this node on the way, and one that cannot be.
func TestRegeneratePartitions(t *testing.T) {
	p := newPlant(t, lake.Maintenance{MergeFiles: 2, PendingBytes: 1 << 16})
	g := p.program(telemetry.TagLog)
	begin := p.at()
	var last telemetry.BlockID
	for range 40 {
		last = p.log(g, 6, true) // 60 KB each
		p.advance(time.Second)
	}
	p.settle()
	end := begin + telemetry.Time(time.Hour)
	before, want := p.live(), p.scan(t, "log_entries", "")
	err := p.RegeneratePartitions(t.Context(), "log_entries", begin, begin+telemetry.Time(time.Second), time.Second, p.say)
	if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Msg, "reaches outside") {
		t.Errorf("a part of a partition: %v", err)
	}
	p.ok(p.RegeneratePartitions(t.Context(), "log_entries", begin, end, time.Minute, p.say))
	p.check()
	after := p.live()
	if len(after) != len(before) || len(p.said) != len(before) {
		t.Errorf("%d partitions, %d before; said %q", len(after), len(before), p.said)
	}
	for _, a := range after {
		if slices.ContainsFunc(before, func(b lake.PartitionRecord) bool { return a.ID == b.ID }) {
			t.Errorf("partition %s was not made anew", a.File)
		}
	}
	compare(t, p.scan(t, "log_entries", ""), want)

	// A segment that is gone: the partition that still has the rows stays.
	var segments []string
	p.ok(p.catalog.Read(t.Context(), func(r *catalog.Reader) error {
		list, err := r.BlocksDuring(t.Context(), catalog.Filter{Block: last})
		for _, b := range list {
			segments = append(segments, b.Location.Segment)
		}
		return err
	}))
	for _, s := range segments {
		p.ok(p.objects.Delete(t.Context(), s))
	}
	if err := p.RegeneratePartitions(t.Context(), "log_entries", begin, end, time.Minute, p.say); err == nil {
		t.Error("regenerating without the blocks succeeded")
	}
	p.check()
	compare(t, p.scan(t, "log_entries", ""), want)
	if list, err := p.catalog.ClaimPartitions(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Owner: uuid.New(), Level: after[0].Level}); err != nil || len(list) == 0 {
		t.Errorf("%d partitions can be claimed, %v: the failed one was not given back", len(list), err)
	}
}

// TestRegenerateLoses has others take every partition: what is left must not be passed over as if it were done.
func TestRegenerateLoses(t *testing.T) {
	p := newPlant(t, lake.Maintenance{})
	p.log(p.program(telemetry.TagLog), 3, false)
	p.settle()
	p.advance(time.Hour)
	p.catalog.Interrupt(func(committed bool) error {
		if committed {
			return nil
		}
		return catalog.ErrLostClaim
	})
	err := p.RegeneratePartitions(t.Context(), "log_entries", p.age(day), p.at(), day, p.say)
	p.catalog.Interrupt(nil)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("RegeneratePartitions = %v, want Unavailable", err)
	}
	p.check()
}

// TestErase deletes a process: its rows in shared partitions and its bytes in shared segments, while another keeps its own.
func TestErase(t *testing.T) {
	p := newPlant(t, lake.Maintenance{MergeFiles: 1000})
	if _, err := p.Erase(t.Context(), lake.Erasure{}, p.say); fault.Of(err) == nil {
		t.Errorf("Erase without a choice = %v", err)
	}
	secret, other, both := p.program(telemetry.TagLog), p.program(telemetry.TagLog), p.program(telemetry.TagLog, telemetry.TagMetrics)
	for range 3 {
		p.log(secret, 2, true)
		p.log(other, 3, true)
	}
	p.settle() // one partition for both
	p.log(secret, 2, true)
	p.settle() // one for itself
	p.log(secret, 2, false)
	p.log(both, 4, false)
	query, err := p.Snapshot(t.Context(), []lake.Scan{{View: "log_entries"}}) // runs meanwhile
	p.ok(err)
	defer query.Close()

	choice := lake.Erasure{Process: secret.process.ID}
	plan, err := p.PlanErase(t.Context(), choice)
	if err != nil || plan.Blocks != 5 || plan.Removed != 1 || plan.Rewritten != 1 || plan.Processes != 1 || plan.Streams != 1 {
		t.Errorf("PlanErase = %+v, %v", plan, err)
	}
	if n := p.rows("log_entries"); n != 23 {
		t.Fatalf("%d rows after planning, want 23", n)
	}
	done, err := p.Erase(t.Context(), choice, p.say)
	if err != nil || done != plan {
		t.Errorf("Erase = %+v, %v; the plan was %+v", done, err, plan)
	}
	p.check()
	for _, r := range p.scan(t, "log_entries", "") {
		if r["process_id"] == secret.process.ID.String() {
			t.Fatal("a row is left")
		}
	}
	if n := p.rows("log_entries"); n != 13 {
		t.Errorf("%d rows, want 13", n)
	}
	if n := p.rows("processes"); n != 2 {
		t.Errorf("%d processes, want 2", n)
	}
	for _, path := range query.Tables[0].Files {
		if n := len(readFile(t, path)); n == 0 {
			t.Error("the query that began before lost a file")
		}
	}

	// After the time that a query may take, nothing of it is left in any object.
	held := func() bool {
		for info, err := range p.objects.List(t.Context(), "") {
			p.ok(err)
			data, err := p.objects.Get(t.Context(), info.Key)
			p.ok(err)
			if bytes.Contains(data, secret.process.ID[:]) || bytes.Contains(data, []byte(secret.process.ID.String())) {
				return true
			}
		}
		return false
	}
	segmentBytes := func() (n int64) {
		for info, err := range p.objects.List(t.Context(), "segments/") {
			p.ok(err)
			n += info.Size
		}
		return n
	}
	before := segmentBytes()
	p.ok(p.Tidy(t.Context()))
	if !held() || segmentBytes() != before {
		t.Error("objects went at once")
	}
	p.advance(time.Hour)
	p.ok(p.Tidy(t.Context())) // moves what is left of the segment
	p.advance(time.Hour)
	p.ok(p.Tidy(t.Context())) // deletes the old one
	if held() {
		t.Error("an object still holds the process")
	}
	if after := segmentBytes(); after >= before*7/10 {
		t.Errorf("segments have %d bytes, %d before", after, before)
	}
	p.check()
	p.settle()
	if n := p.rows("log_entries"); n != 13 {
		t.Errorf("%d rows, want 13", n)
	}
	p.ok(p.RegeneratePartitions(t.Context(), "log_entries", p.age(30*day), p.at(), 30*day, p.say)) // from the moved segment
	if n := p.rows("log_entries"); n != 13 {
		t.Errorf("%d rows from the moved blocks, want 13", n)
	}

	// By time.
	cut := p.at()
	p.advance(time.Minute)
	p.log(other, 1, false)
	done, err = p.Erase(t.Context(), lake.Erasure{Before: cut}, p.say)
	if err != nil || done.Blocks != 4 {
		t.Errorf("Erase = %+v, %v; want 4 blocks", done, err)
	}
	p.check()
	if n := p.rows("log_entries"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	if n := p.rows("processes"); n != 1 {
		t.Errorf("%d processes, want the one that has blocks", n)
	}
}

// TestRetention lets rules of different ages work through months.
func TestRetention(t *testing.T) {
	rules, err := lake.ParseRetention("logs=10d, metrics=30d, orphans=2d, *=60d")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlant(t, lake.Maintenance{MergeFiles: 1000})
	logs, metrics, both, spans := p.program(telemetry.TagLog), p.program(telemetry.TagMetrics), p.program(telemetry.TagLog, telemetry.TagMetrics), p.program(telemetry.TagCPU)
	lost := program{process: telemetry.Process{ID: telemetry.ProcessID(uuid.New())}, stream: telemetry.Stream{ID: telemetry.StreamID(uuid.New())}}
	p.log(lost, 1, false)
	p.log(spans, 1, true) // whatever it holds
	p.metric(metrics)
	p.log(both, 2, true)
	p.log(logs, 3, true)
	p.settle()
	p.advance(day / 2)
	p.log(logs, 4, true)
	p.settle()
	p.advance(day * 9) // the first is 9.5 days old
	p.log(logs, 5, true)
	p.settle()

	apply := func() (blocks, removed, rewritten, waiting int64) {
		t.Helper()
		plan, err := p.PlanRetention(t.Context(), rules)
		p.ok(err)
		steps, err := p.ApplyRetention(t.Context(), rules)
		p.ok(err)
		p.check()
		if len(plan) != len(steps) {
			t.Errorf("planned %v, did %v", plan, steps)
		}
		for i, s := range steps {
			blocks += s.Blocks
			removed += s.Partitions
			rewritten += s.Rewritten
			waiting += s.Waiting
			if i < len(plan) && (plan[i].Partitions != s.Partitions || plan[i].Rewritten != s.Rewritten || plan[i].Blocks != s.Blocks) {
				t.Errorf("planned %+v, did %+v", plan[i], s)
			}
		}
		return blocks, removed, rewritten, waiting
	}
	if blocks, removed, rewritten, _ := apply(); blocks != 1 || removed+rewritten != 0 { // the orphan
		t.Errorf("at 9.5 days: %d blocks, %d, %d partitions", blocks, removed, rewritten)
	}
	if n := p.rows("log_entries"); n != 14 {
		t.Errorf("%d rows, want 14", n)
	}

	// Everything in one partition, so that old and young share it.
	p.ok(p.RetirePartitions(t.Context(), "log_entries", "global", 0, p.at(), p.say))
	p.settle()
	p.advance(day) // 10.5 days
	if blocks, removed, rewritten, waiting := apply(); blocks+removed+rewritten != 0 || waiting != 1 {
		t.Errorf("at 10.5 days: %d blocks, %d, %d, %d partitions; want one to wait", blocks, removed, rewritten, waiting)
	}
	p.advance(day) // 11.5 days: more than a tenth over
	apply()
	if n := p.rows("log_entries"); n != 5 {
		t.Errorf("%d rows, want 5: 3 and 4 and the 2 of the program with metrics are old", n)
	}
	if n := p.rows("measures"); n != 1 { // both has none that can be decoded as such
		t.Errorf("%d measures, want 1", n)
	}
	if n := p.rows("blocks"); n != 4 {
		t.Errorf("%d blocks, want 4: that of the program with metrics is kept for them", n)
	}
	if n := p.rows("processes"); n != 4 {
		t.Errorf("%d processes, want all 4", n)
	}
	p.advance(20 * day)
	apply()
	if n := p.rows("blocks"); n != 1 {
		t.Errorf("%d blocks, want that of spans", n)
	}
	p.advance(40 * day)
	apply()
	if n := p.rows("blocks") + p.rows("processes") + p.rows("streams"); n != 0 {
		t.Errorf("%d blocks, processes and streams, want none", n)
	}
	p.advance(day)
	p.ok(p.Tidy(t.Context()))
	for info, err := range p.objects.List(t.Context(), "") {
		if err != nil || info.Key != "" {
			t.Errorf("object %s is left, %v", info.Key, err)
		}
	}
}

func TestParseRetention(t *testing.T) {
	if r, err := lake.ParseRetention("logs=30d,metrics=12w, *=8760h"); err != nil || r.String() != "*=365d,logs=30d,metrics=84d" {
		t.Errorf("rules %s, %v", r, err)
	}
	if r, err := lake.ParseRetention(" "); err != nil || !r.Empty() {
		t.Errorf("rules %s, %v", r, err)
	}
	_, err := lake.ParseRetention("log=30d,metrics,spans=7,images=x,net=1m,logs=-3d,logs=99999999w,orphans=0d,orphans=1d,*=+5d")
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	for _, want := range []string{
		`rule 1, "log=30d": there is no signal "log"; signals are *, images, logs, metrics, net, orphans, spans`,
		`rule 2, "metrics": it must be`, `rule 3, "spans=7": an age`, `rule 4, "images=x": an age`, `rule 5, "net=1m": an age`,
		`rule 6, "logs=-3d": an age`, `rule 7, "logs=99999999w": logs has a rule already`, `99999999w is more than a hundred years`,
		`rule 8, "orphans=0d": 0d is less than 1h0m0s`, `rule 9, "orphans=1d": orphans has a rule already`, `rule 10, "*=+5d": an age`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
