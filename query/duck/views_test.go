package duck_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// realLake is a lake in a folder, with the service over it.
type realLake struct {
	*lake.Lake
	*query.Service
	objects string
}

func openLake(t *testing.T, m lake.Maintenance) realLake {
	t.Helper()
	folder := t.TempDir()
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := lake.Open(t.Context(), lake.Options{Catalog: db, Objects: objects, CacheDir: filepath.Join(folder, "cache"), Maintenance: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return realLake{l, newService(t, l, duck.Options{}, query.Options{}), filepath.Join(folder, "objects")}
}

// program is a process with one stream.
type program struct {
	process telemetry.Process
	stream  telemetry.Stream
	offset  int64
}

func (l realLake) program(t *testing.T, tag string, frequency int64, layouts func() (wire.Layout, wire.Layout)) *program {
	t.Helper()
	deps, objects := layouts()
	p := &program{process: telemetry.Process{
		ID: telemetry.ProcessID(uuid.New()), Exe: "game", TSCFrequency: frequency, StartTicks: 5000, StartTime: 1_767_225_600e9,
	}}
	p.stream = telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: p.process.ID, DependenciesMetadata: deps.Encode(), ObjectsMetadata: objects.Encode(),
		Tags: []string{tag}, Format: telemetry.FormatNative, Properties: map[string]string{"thread-name": "main"},
	}
	if err := errors.Join(l.InsertProcess(t.Context(), p.process), l.InsertStream(t.Context(), p.stream)); err != nil {
		t.Fatal(err)
	}
	return p
}

// send appends a block whose ticks run about as fast as nanoseconds.
func (p *program) send(t *testing.T, l realLake, begin, end telemetry.Ticks, b interface{ Finish() (wire.Payload, int32) }) {
	t.Helper()
	payload, n := b.Finish()
	block := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: p.stream.ID, ProcessID: p.process.ID, BeginTicks: begin, EndTicks: end,
		BeginTime: p.process.StartTime + telemetry.Time(begin), EndTime: p.process.StartTime + telemetry.Time(end) + 12_345,
		Objects: n, ObjectOffset: p.offset,
	}
	p.offset += int64(n)
	if err := l.Append(t.Context(), block, payload); err != nil {
		t.Fatal(err)
	}
}

// TestLogStats: the counts are those of the log entries, whether these are pending or in partitions, merged or not, and
// whatever has happened to the files of counts.
func TestLogStats(t *testing.T) {
	l := openLake(t, lake.Maintenance{MergeFiles: 3})
	r := rand.New(rand.NewPCG(1, 2))
	programs := []*program{l.program(t, telemetry.TagLog, 1e9, wire.LogLayouts), l.program(t, telemetry.TagLog, 1e9, wire.LogLayouts)}
	sent, at := 0, telemetry.Ticks(-100e9)
	send := func() {
		for _, p := range programs {
			var b wire.LogBuilder
			begin := at
			for range 50 {
				at += telemetry.Ticks(r.IntN(5e9))
				b.Add(p.process.StartTicks+at, int32(1+r.IntN(6)), fmt.Sprint("target ", r.IntN(3)), "message", nil)
				sent++
			}
			p.send(t, l, begin, at, &b)
		}
	}
	check := func(state string) {
		t.Helper()
		const fromRows = `SELECT date_bin(INTERVAL '1 minute', time) AS time_bin, process_id, level, target, count(*) AS count, audience
			FROM log_entries WHERE %s GROUP BY 1, 2, 3, 4, 6 ORDER BY 1, 2, 3, 4`
		const fromStats = "SELECT time_bin, process_id, level, target, count, audience FROM log_stats WHERE %s ORDER BY 1, 2, 3, 4"
		for stats, entries := range map[string]string{
			"1 = 1": "1 = 1",
			"time_bin BETWEEN '2026-01-01T00:01:00Z' AND '2026-01-01T00:02:00Z'": "time >= '2026-01-01T00:01:00Z' AND time < '2026-01-01T00:03:00Z'",
			fmt.Sprintf("process_id = '%s'", programs[1].process.ID):             fmt.Sprintf("process_id = '%s'", programs[1].process.ID),
		} {
			got, want := mustRun(t, l.Service, fmt.Sprintf(fromStats, stats)), mustRun(t, l.Service, fmt.Sprintf(fromRows, entries))
			if len(want.rows) == 0 || fmt.Sprint(got.rows) != fmt.Sprint(want.rows) {
				t.Errorf("%s, %s:\n got %v\nwant %v", state, stats, got.rows, want.rows)
			}
		}
		total := mustRun(t, l.Service, "SELECT SUM(count) FROM log_stats")
		if len(total.rows) != 1 || fmt.Sprint(total.rows[0]) != fmt.Sprintf("[%d]", sent) {
			t.Errorf("%s: %v entries, want %d", state, total.rows, sent)
		}
	}
	settle := func() {
		t.Helper()
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(mustRun(t, l.Service, "SELECT * FROM log_stats").rows); n != 0 {
		t.Errorf("%d counts of nothing", n)
	}
	send()
	check("pending")
	settle()
	check("materialised")
	send()
	check("both")
	for range 4 {
		settle()
		send()
	}
	settle()
	check("merged")

	companions := l.files(t, "log_stats")
	if len(companions) < len(l.files(t, "log_entries"))-1 || len(companions) == 0 {
		t.Errorf("%d files of counts for %d of entries", len(companions), len(l.files(t, "log_entries")))
	}
	// Damage inside, which shows only when the counts are read.
	for _, path := range companions {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 4; i < len(b)/2; i++ {
			b[i] = 0xaa
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(t, l.Service, query.Request{SQL: "SELECT * FROM log_stats"}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("damaged counts: %v", err)
	}
	check("with damaged counts")
	for _, path := range companions {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	check("without files of counts")
}

// TestCompanionsGo: files of counts are deleted with their partitions.
func TestCompanionsGo(t *testing.T) {
	l := openLake(t, lake.Maintenance{MergeFiles: 2, KeepRetired: 1})
	p := l.program(t, telemetry.TagLog, 1e9, wire.LogLayouts)
	for i := range telemetry.Ticks(6) {
		var b wire.LogBuilder
		b.Add(p.process.StartTicks+1000*i, 4, "target", "message", nil)
		p.send(t, l, 1000*i, 1000*i+999, &b)
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := func(paths []string) (names []string) {
		for _, path := range paths {
			names = append(names, filepath.Base(path))
		}
		slices.Sort(names)
		return names
	}
	entries, counts := name(l.files(t, "log_entries")), name(l.files(t, "log_stats"))
	if len(entries) == 0 || len(entries) > 3 || !slices.Equal(entries, counts) {
		t.Errorf("files of entries %v, of counts %v", entries, counts)
	}
}

// files lists the files of a view in the object store.
func (l realLake) files(t *testing.T, view string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(l.objects, "views", view), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestOpenTelemetry reads blocks of OpenTelemetry with the statements that users write.
func TestOpenTelemetry(t *testing.T) {
	l := openLake(t, lake.Maintenance{})
	none := func() (wire.Layout, wire.Layout) { return wire.Layout{}, wire.Layout{} }
	p := l.program(t, telemetry.TagLog, 1e9, none)
	scope := &commonpb.InstrumentationScope{Name: "lib"}
	value := &metricspb.NumberDataPoint_AsInt{AsInt: 3}
	for tag, of := range map[string]struct {
		format string
		m      proto.Message
	}{
		telemetry.TagLog: {telemetry.FormatOTLPLogs, &logspb.ResourceLogs{ScopeLogs: []*logspb.ScopeLogs{{
			Scope: scope, LogRecords: []*logspb.LogRecord{{TimeUnixNano: 1_767_225_600e9, SeverityNumber: 9, Body: &commonpb.AnyValue{
				Value: &commonpb.AnyValue_StringValue{StringValue: "hello"},
			}}},
		}}}},
		telemetry.TagMetrics: {telemetry.FormatOTLPMetrics, &metricspb.ResourceMetrics{ScopeMetrics: []*metricspb.ScopeMetrics{{
			Scope: scope, Metrics: []*metricspb.Metric{{Name: "m", Unit: "By", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{
				DataPoints: []*metricspb.NumberDataPoint{{TimeUnixNano: 1_767_225_600e9, Value: value}},
			}}}},
		}}}},
		telemetry.TagTrace: {telemetry.FormatOTLPTraces, &tracepb.ResourceSpans{ScopeSpans: []*tracepb.ScopeSpans{{
			Scope: scope, Spans: []*tracepb.Span{{
				TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Name: "get", Kind: tracepb.Span_SPAN_KIND_CLIENT,
				StartTimeUnixNano: 1_767_225_600e9, EndTimeUnixNano: 1_767_225_600e9 + 5,
			}},
		}}}},
	} {
		s := telemetry.Stream{
			ID: telemetry.StreamID(uuid.New()), ProcessID: p.process.ID, Tags: []string{tag}, Format: of.format,
			DependenciesMetadata: wire.Layout{}.Encode(), ObjectsMetadata: wire.Layout{}.Encode(),
		}
		payload, err := proto.Marshal(of.m)
		if err == nil {
			err = l.InsertStream(t.Context(), s)
		}
		if err == nil {
			err = l.Append(t.Context(), telemetry.Block{
				ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.process.ID, Objects: 1,
				BeginTime: 1_767_225_600e9, EndTime: 1_767_225_600e9 + 5,
			}, wire.Payload{Objects: payload})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	spans := fmt.Sprintf("view_instance('otel_spans', '%s')", p.process.ID)
	const properties = "jsonb_format_json(properties) AS p"
	for range 2 { // pending, then in partitions
		for sql, want := range map[string]string{
			"SELECT level, target, msg, " + properties + " FROM log_entries":                  `[[4 lib hello {"otel.scope.name":"lib"}]]`,
			"SELECT target, name, unit, value FROM measures":                                  "[[lib m By 3]]",
			"SELECT level, target, count FROM log_stats":                                      "[[4 lib 1]]",
			"SELECT name, kind, status, encode(span_id, 'hex') AS id, duration FROM " + spans: "[[get CLIENT UNSET 3031323334353637 5]]",
			"SELECT parent_span_id IS NULL AS root, status_message IS NULL AS none, jsonb_format_json(events) AS e FROM " + spans + " WHERE trace_id = decode('30313233343536373839616263646566', 'hex')": "[[true true []]]",
			"SELECT count(*) FROM (SELECT * FROM " + spans + " WHERE start_time >= '2026-01-01T00:00:01Z')":                                                                                               "[[0]]",
		} {
			if got := fmt.Sprint(mustRun(t, l.Service, sql).rows); got != want {
				t.Errorf("%s\n got %s\nwant %s", sql, got, want)
			}
		}
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := mustRun(t, l.Service, "SELECT end_time - start_time AS d, trace_id, parent_span_id FROM "+spans).fields()
	if want := []string{"d Duration(ns) nn", "trace_id FixedSizeBinary(16) nn", "parent_span_id FixedSizeBinary(8)"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestClocksInSQL: the engine turns ticks into the same times as we do, to the nanosecond, also garbage into something.
func TestClocksInSQL(t *testing.T) {
	for _, frequency := range []int64{0, 1e9, 2_443_801_123, 10_000_000, 1} {
		l := openLake(t, lake.Maintenance{})
		p := l.program(t, telemetry.TagCPU, frequency, wire.SpanLayouts)
		r := rand.New(rand.NewPCG(3, uint64(frequency)))
		d := wire.SpanDesc{Name: "span", Target: "t", File: "f", Line: 3}
		at := telemetry.Ticks(0)
		for range 20 {
			var b wire.SpanBuilder
			begin := at
			for range 50 {
				b.Begin(p.process.StartTicks+at, &d)
				at += telemetry.Ticks(r.IntN(1_000_000))
				b.End(p.process.StartTicks+at, &d)
			}
			p.send(t, l, begin, at, &b)
		}
		snapshot, err := l.Snapshot(t.Context(), []lake.Scan{{View: "thread_spans", Instance: p.stream.ID.String()}})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for b, err := range snapshot.Tables[0].Read(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(b.NumRows()) {
				text := make([]string, b.NumCols()-1) // all but the properties
				for c := range text {
					text[c] = b.Column(c).ValueStr(i)
				}
				want = append(want, strings.Join(text, " "))
			}
		}
		snapshot.Close()
		columns := `id, parent, depth, hash, "begin", "end", duration, name, target, filename, line`
		var got []string
		rows := mustRun(t, l.Service, fmt.Sprintf("SELECT %s FROM view_instance('thread_spans', '%s')", columns, p.stream.ID)).rows
		for _, row := range rows {
			got = append(got, strings.ReplaceAll(strings.Join(row, " "), "Z ", " "))
		}
		slices.Sort(got)
		slices.Sort(want)
		if len(want) != 1001 || !slices.Equal(got, want) {
			t.Errorf("frequency %d:\n got %d %.400q\nwant %d %.400q", frequency, len(got), got, len(want), want)
		}
		var b wire.SpanBuilder
		b.Begin(-1<<63, &d)
		b.End(1<<63-1, &d)
		p.send(t, l, at, 1<<62, &b)
		mustRun(t, l.Service, fmt.Sprintf("SELECT %s FROM view_instance('thread_spans', '%s')", columns, p.stream.ID))
	}
}
