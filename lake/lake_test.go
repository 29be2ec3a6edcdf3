package lake_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a lake on a fresh SQLite catalog and directory.
type rig struct {
	*lake.Lake
	catalog *catalog.DB
	objects *dir.Bucket
}

func open(t *testing.T) rig {
	t.Helper()
	return openAt(t, t.TempDir(), lake.Maintenance{})
}

func openAt(t testing.TB, folder string, m lake.Maintenance) rig {
	t.Helper()
	return openClock(t, folder, m, time.Now)
}

func openClock(t testing.TB, folder string, m lake.Maintenance, now func() time.Time) rig {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db"), Log: log, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := lake.Open(t.Context(), lake.Options{
		Catalog: db, Objects: objects, CacheDir: filepath.Join(folder, "cache"), Log: log, Maintenance: m, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return rig{Lake: l, catalog: db, objects: objects}
}

// request is a captured request.
type request struct {
	route string
	body  []byte
}

func captured(t *testing.T, set string) []request {
	t.Helper()
	folder := filepath.Join("..", "wire", "testdata", "native", set)
	var index struct {
		Requests []struct{ File, Path string }
	}
	readJSON(t, filepath.Join(folder, "index.json"), &index)
	var all []request
	for _, r := range index.Requests {
		body, err := os.ReadFile(filepath.Join(folder, r.File))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, request{route: filepath.Base(r.Path), body: body})
	}
	return all
}

func readJSON(t *testing.T, path string, dst any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, dst); err != nil {
		t.Fatal(err)
	}
}

// send gives r to the lake as the ingestion server does.
func (r rig) send(t *testing.T, q request) {
	t.Helper()
	var err error
	switch q.route {
	case "insert_process":
		var p telemetry.Process
		if p, err = wire.DecodeProcess(q.body); err == nil {
			err = r.InsertProcess(t.Context(), p)
		}
	case "insert_stream":
		var s telemetry.Stream
		if s, err = wire.DecodeStream(q.body); err == nil {
			err = r.InsertStream(t.Context(), s)
		}
	case "insert_block":
		var b telemetry.Block
		var p wire.Payload
		if b, p, err = wire.DecodeBlock(q.body); err == nil {
			err = r.Append(t.Context(), b, p)
		}
	default:
		t.Fatalf("route %s", q.route)
	}
	if err != nil {
		t.Fatalf("%s: %v", q.route, err)
	}
}

// row is a row as text, column by column.
type row map[string]string

// scan reads all rows of a view, without regard to the table's filter, and its order.
func (r rig) scan(t *testing.T, view, instance string) []row {
	t.Helper()
	s, err := r.Snapshot(t.Context(), []lake.Scan{{View: view, Instance: instance}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var rows []row
	for b, err := range s.Tables[0].Read(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, batchRows(t, b)...)
	}
	if view == "thread_spans" { // its order is promised, and kept by the engine
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(cmp.Compare(number(t, a["begin"]), number(t, b["begin"])), cmp.Compare(number(t, a["depth"]), number(t, b["depth"])),
				cmp.Compare(number(t, a["id"]), number(t, b["id"])))
		})
	}
	return rows
}

func number(t *testing.T, s string) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func readFile(t *testing.T, path string) []row {
	t.Helper()
	var rows []row
	eachBatch(t, path, func(b arrow.RecordBatch) { rows = append(rows, batchRows(t, b)...) })
	return rows
}

func eachBatch(t *testing.T, path string, f func(arrow.RecordBatch)) {
	t.Helper()
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	fr, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	rr, err := fr.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	for rr.Next() {
		f(rr.RecordBatch())
	}
	if rr.Err() != nil {
		t.Fatal(rr.Err())
	}
}

func batchRows(t *testing.T, b arrow.RecordBatch) []row {
	t.Helper()
	rows := make([]row, b.NumRows())
	for i := range rows {
		rows[i] = row{}
		for c, f := range b.Schema().Fields() {
			a := b.Column(c)
			switch a := a.(type) {
			case *array.Binary:
				if f.Name == "data" {
					rows[i][f.Name] = fmt.Sprintf("map[hex:%x]", a.Value(i))
				}
				if strings.HasSuffix(f.Name, "properties") {
					text, err := jsonb.AppendJSON(nil, a.Value(i))
					if err != nil {
						t.Fatalf("%s: %v", f.Name, err)
					}
					rows[i][f.Name] = string(text)
				}
			case *array.Timestamp:
				rows[i][f.Name] = fmt.Sprint(int64(a.Value(i)))
			default:
				rows[i][f.Name] = a.ValueStr(i)
			}
			if a.IsNull(i) {
				rows[i][f.Name] = ""
			}
		}
	}
	return rows
}

// expected reads rows that an existing server returned for the captured requests.
func expected(t *testing.T, set, view string) []row {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "wire", "testdata", "native", set, "rows.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var all map[string][]map[string]any
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, m := range all[view] {
		r := row{}
		for k, v := range m {
			r[k] = fmt.Sprint(v)
		}
		rows = append(rows, r)
	}
	return rows
}

// compare reports rows that differ in the columns that want has, whatever the order of the rows.
func compare(t *testing.T, got, want []row) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("nothing to compare with")
	}
	columns := make([]string, 0, len(want[0]))
	for c := range want[0] {
		columns = append(columns, c)
	}
	slices.Sort(columns)
	text := func(rows []row) []string {
		lines := make([]string, len(rows))
		for i, r := range rows {
			var b strings.Builder
			for _, c := range columns {
				fmt.Fprintf(&b, "%s=%s ", c, canonical(c, r[c]))
			}
			lines[i] = b.String()
		}
		slices.Sort(lines)
		return lines
	}
	g, w := text(got), text(want)
	if len(g) != len(w) {
		t.Errorf("%d rows, want %d", len(g), len(w))
	}
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("row %d:\n got %s\nwant %s", i, g[i], w[i])
		}
	}
}

// canonical makes the two texts of one value equal.
func canonical(column, v string) string {
	switch {
	case column == "value":
		var f float64
		if _, err := fmt.Sscan(v, &f); err == nil {
			return fmt.Sprint(f)
		}
	case column == "msg" && len(v) > 100_000:
		return "@long"
	case column == "msg" && strings.HasPrefix(v, "@text len="):
		return "@long"
	}
	return v
}

var views = []string{"processes", "log_entries", "measures", "thread_spans", "async_events", "net_spans", "images"}

// checkVectors compares all views with what an existing server shows for the set.
func (r rig) checkVectors(t *testing.T, set string) {
	t.Helper()
	for _, view := range views {
		want := expected(t, set, view)
		if len(want) == 0 {
			continue
		}
		var got []row
		switch view {
		case "thread_spans":
			instances := map[string]bool{}
			for _, w := range want {
				instances[w["stream_id"]] = true
			}
			for id := range instances {
				for _, g := range r.scan(t, view, id) {
					g["stream_id"] = id
					got = append(got, g)
				}
			}
		case "async_events", "net_spans", "images":
			for _, p := range expected(t, set, "processes") {
				got = append(got, r.scan(t, view, p["process_id"])...)
			}
		default:
			got = r.scan(t, view, "")
		}
		t.Run(view, func(t *testing.T) { compare(t, got, want) })
	}
}

func TestVectors(t *testing.T) {
	for _, set := range []string{"v030", "unreal-synthetic"} {
		t.Run(set, func(t *testing.T) {
			r := open(t)
			for _, q := range captured(t, set) {
				r.send(t, q)
			}
			t.Run("pending", func(t *testing.T) { r.checkVectors(t, set) })
			if err := r.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.catalog.CheckCoverage(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Run("materialised", func(t *testing.T) { r.checkVectors(t, set) })
		})
	}
}

// TestReversed sends blocks before their streams, and streams before their processes.
func TestReversed(t *testing.T) {
	r := open(t)
	all := captured(t, "v030")
	slices.Reverse(all)
	for _, q := range all {
		r.send(t, q)
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.catalog.CheckCoverage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.checkVectors(t, "v030")
}

// TestEveryGeneration counts the rows of the sets for which no server's rows were captured.
func TestEveryGeneration(t *testing.T) {
	for _, set := range []string{".", "v015"} {
		t.Run(set, func(t *testing.T) {
			r := open(t)
			for _, q := range captured(t, set) {
				r.send(t, q)
				r.send(t, q) // a retry changes nothing
			}
			var want struct {
				Counts map[string]map[string]int
			}
			readJSON(t, filepath.Join("..", "wire", "testdata", "native", set, "expected.json"), &want)
			logs, metrics := 0, 0
			for _, c := range want.Counts {
				logs, metrics = logs+c["logs"], metrics+c["metrics"]
			}
			known := map[string]bool{
				"vec": true, "custom::target": true, "overridden::target": true, "interop::target": true, "tracing::target": true,
				"vec15": true,
			}
			n := 0
			for _, e := range r.scan(t, "log_entries", "") {
				if known[e["target"]] {
					n++
				}
			}
			if n != logs {
				t.Errorf("%d log entries, want %d", n, logs)
			}
			if n := len(r.scan(t, "measures", "")); n != metrics {
				t.Errorf("%d measures, want %d", n, metrics)
			}
		})
	}
}
