package duck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/telemetry"
)

var (
	timeType   = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}
	dictText   = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	dictBinary = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.Binary}

	logSchema = arrow.NewSchema([]arrow.Field{
		{Name: "process_id", Type: dictText},
		{Name: "time", Type: timeType},
		{Name: "target", Type: dictText},
		{Name: "level", Type: arrow.PrimitiveTypes.Int32},
		{Name: "msg", Type: arrow.BinaryTypes.String},
		{Name: "properties", Type: dictBinary},
	}, nil)
	spanSchema = arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "depth", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "begin", Type: timeType},
		{Name: "end", Type: timeType},
		{Name: "name", Type: dictText},
		{Name: "span_id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 8}},
	}, nil)
	streamSchema = arrow.NewSchema([]arrow.Field{
		{Name: "stream_id", Type: arrow.BinaryTypes.String},
		{Name: "process_id", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "tags", Type: arrow.ListOfField(arrow.Field{Name: "tag", Type: arrow.BinaryTypes.String}), Nullable: true},
		{Name: "properties", Type: dictBinary, Nullable: true},
		{Name: "insert_time", Type: timeType, Nullable: true},
	}, nil)
)

// fakeLake gives out tables that the tests have written.
type fakeLake struct {
	schemas map[string]*arrow.Schema // "view" and "view/*" for instances
	tables  map[string]*lake.Table   // "view" and "view/instance"
}

func (l *fakeLake) Views() []string { return []string{"log_entries", "streams", "empty"} }

func (l *fakeLake) Schema(view, instance string) (*arrow.Schema, error) {
	key := view
	if instance != "" && instance != "global" {
		key += "/*"
	}
	if s := l.schemas[key]; s != nil {
		return s, nil
	}
	return nil, fault.New(fault.Invalid, fmt.Sprintf("view set %s not found", view))
}

func (l *fakeLake) Snapshot(_ context.Context, scans []lake.Scan) (*lake.Snapshot, error) {
	s := &lake.Snapshot{}
	for _, scan := range scans {
		key := scan.View
		if scan.Instance != "" && scan.Instance != "global" {
			key += "/" + scan.Instance
		}
		t := l.tables[key]
		if t == nil {
			schema, err := l.Schema(scan.View, scan.Instance)
			if err != nil {
				return nil, err
			}
			t = &lake.Table{Schema: schema}
		}
		c := *t
		var conditions []string
		if scan.Range.Begin != nil && scan.View == "log_entries" {
			conditions = append(conditions, fmt.Sprintf("time >= make_timestamp_ns(%d)", *scan.Range.Begin))
		}
		if scan.Range.End != nil && scan.View == "log_entries" {
			conditions = append(conditions, fmt.Sprintf("time <= make_timestamp_ns(%d)", *scan.Range.End))
		}
		c.Filter = strings.Join(conditions, " AND ")
		s.Tables = append(s.Tables, &c)
	}
	return s, nil
}

// t0 is the time of the first log entry; each is one second and one nanosecond after the one before.
var t0 = time.Date(2024, 3, 1, 12, 0, 0, 123456789, time.UTC)

const (
	processID = "11111111-2222-3333-4444-555555555555"
	threadID  = "99999999-2222-3333-4444-555555555555"
)

// plainSchema is what files hold: no dictionaries, no zones.
func plainSchema(s *arrow.Schema) *arrow.Schema {
	var fields []arrow.Field
	for _, f := range s.Fields() {
		switch t := f.Type.(type) {
		case *arrow.DictionaryType:
			f.Type = t.ValueType
		case *arrow.TimestampType:
			f.Type = &arrow.TimestampType{Unit: arrow.Nanosecond}
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(fields, nil)
}

func logBatch(n, from int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, plainSchema(logSchema))
	defer b.Release()
	for i := from; i < from+n; i++ {
		b.Field(0).(*array.StringBuilder).Append(processID)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(t0.UnixNano() + int64(i)*1_000_000_001))
		b.Field(2).(*array.StringBuilder).Append([]string{"net", "db"}[i%2])
		b.Field(3).(*array.Int32Builder).Append(int32(1 + i%6))
		b.Field(4).(*array.StringBuilder).Append(fmt.Sprintf("message %d", i))
		b.Field(5).(*array.BinaryBuilder).Append([]byte("\x40\x00\x00\x01\x10\x00\x00\x04\x10\x00\x00\x05namevalue"))
	}
	return b.NewRecordBatch()
}

func spanBatch() arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, plainSchema(spanSchema))
	defer b.Release()
	for _, i := range []int{3, 1, 2, 0} {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.Uint32Builder).Append(uint32(i))
		b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(t0.UnixNano() + int64(i)))
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(t0.UnixNano() + int64(i)*3 + 7))
		b.Field(4).(*array.StringBuilder).Append(fmt.Sprintf("span %d", i))
		b.Field(5).(*array.FixedSizeBinaryBuilder).Append([]byte{0, 1, 2, 3, 4, 5, 6, byte(i)})
	}
	return b.NewRecordBatch()
}

func streamBatch() arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, plainSchema(streamSchema))
	defer b.Release()
	for i, tag := range []string{"log", "cpu"} {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("stream-%d", i))
		b.Field(1).(*array.StringBuilder).Append(processID)
		l := b.Field(2).(*array.ListBuilder)
		l.Append(true)
		l.ValueBuilder().(*array.StringBuilder).AppendValues([]string{tag, "all"}, nil)
		b.Field(3).(*array.BinaryBuilder).AppendNull()
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(t0.UnixNano()))
	}
	return b.NewRecordBatch()
}

func writeParquet(tb testing.TB, path string, batches ...arrow.RecordBatch) string {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(batches[0].Schema(), f,
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithVersion(parquet.V2_LATEST),
			parquet.WithDataPageVersion(parquet.DataPageV1)),
		pqarrow.NewArrowWriterProperties())
	if err != nil {
		tb.Fatal(err)
	}
	for _, b := range batches {
		if err := w.WriteBuffered(b); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// newLake writes two files of 50 log entries each, one of spans, and keeps the streams in memory. The folder's name
// needs quoting.
func newLake(tb testing.TB) *fakeLake {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "it's a lake")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	logs := []string{
		writeParquet(tb, filepath.Join(dir, "log=0.parquet"), logBatch(50, 0)),
		writeParquet(tb, filepath.Join(dir, "log=1.parquet"), logBatch(50, 50)),
	}
	spans := []string{writeParquet(tb, filepath.Join(dir, "spans.parquet"), spanBatch())}
	return &fakeLake{
		schemas: map[string]*arrow.Schema{
			"log_entries": logSchema, "log_entries/*": logSchema, "streams": streamSchema, "thread_spans/*": spanSchema, "empty": logSchema,
		},
		tables: map[string]*lake.Table{
			"log_entries":              {Schema: logSchema, Files: logs},
			"log_entries/" + processID: {Schema: logSchema, Files: logs[:1]},
			"thread_spans/" + threadID: {Schema: spanSchema, Files: spans, OrderBy: `"begin"`},
			"streams":                  {Schema: streamSchema, Batches: []arrow.RecordBatch{streamBatch()}},
		},
	}
}

func newService(tb testing.TB, l query.Lake, o duck.Options, so query.Options) *query.Service {
	tb.Helper()
	return query.New(l, newEngine(tb, o), so)
}

func newEngine(tb testing.TB, o duck.Options) *duck.Engine {
	tb.Helper()
	if o.TempDir == "" {
		o.TempDir = tb.TempDir()
	}
	e, err := duck.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
		left, err := os.ReadDir(o.TempDir)
		if err != nil || len(left) > 0 {
			tb.Errorf("left in the folder for spilling: %v, %v", left, err)
		}
	})
	return e
}

// answer is a result read to its end.
type answer struct {
	schema *arrow.Schema
	rows   [][]string
}

func (a answer) fields() []string {
	var out []string
	for _, f := range a.schema.Fields() {
		text := f.Name + " " + query.TypeText(f.Type)
		if !f.Nullable {
			text += " nn"
		}
		out = append(out, text)
	}
	return out
}

func run(tb testing.TB, s *query.Service, r query.Request) (answer, error) {
	tb.Helper()
	res, err := s.Execute(tb.Context(), r)
	if err != nil {
		return answer{}, err
	}
	defer res.Release()
	a := answer{schema: res.Schema()}
	for res.Next() {
		batch := res.RecordBatch()
		if !batch.Schema().Equal(a.schema) {
			tb.Errorf("a batch has schema %v, the result %v", batch.Schema(), a.schema)
		}
		for i := range int(batch.NumRows()) {
			var row []string
			for c, col := range batch.Columns() {
				if col.IsNull(i) && !a.schema.Field(c).Nullable {
					tb.Errorf("column %s is declared not null and holds NULL", a.schema.Field(c).Name)
				}
				row = append(row, strings.Clone(col.ValueStr(i)))
			}
			a.rows = append(a.rows, row)
		}
	}
	return a, res.Err()
}

func mustRun(tb testing.TB, s *query.Service, sql string) answer {
	tb.Helper()
	a, err := run(tb, s, query.Request{SQL: sql})
	if err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return a
}

func between(begin, end time.Time) telemetry.Range {
	b, e := telemetry.TimeOf(begin), telemetry.TimeOf(end)
	return telemetry.Range{Begin: &b, End: &e}
}

func TestExecute(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	a := mustRun(t, s, "\n SELECT time, level, msg FROM log_entries WHERE level = 2 AND msg LIKE '%7' ORDER BY time;\n")
	want := []string{`time Timestamp(ns, "+00:00") nn`, "level Int32 nn", "msg Utf8 nn"}
	if !slices.Equal(a.fields(), want) {
		t.Errorf("columns %q, want %q", a.fields(), want)
	}
	if len(a.rows) != 4 || a.rows[0][2] != "message 7" || a.rows[0][0] != "2024-03-01T12:00:07.123456796Z" {
		t.Errorf("rows %q", a.rows)
	}
}

func TestRange(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	during := between(t0, t0.Add(9*time.Second+9))
	for sql, want := range map[string]string{
		"SELECT count(*) FROM log_entries": "10",
		"WITH x AS (SELECT * FROM log_entries) SELECT count(*) FROM x, (SELECT count(*) FROM log_entries) AS y(n) WHERE n = 10": "10",
		"SELECT count(*) FROM view_instance('log_entries', '" + processID + "')":                                                "10",
	} {
		a, err := run(t, s, query.Request{SQL: sql, Range: during})
		if err != nil || a.rows[0][0] != want {
			t.Errorf("%s = %v, %v, want %s", sql, a.rows, err, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	s := newService(t, newLake(t), duck.Options{}, query.Options{})
	for sql, want := range map[string][]string{
		"SELECT count(*) FROM log_entries": {"count(*) Int64 nn"},
		"SELECT name, \"end\" FROM view_instance('thread_spans', 'abcdef00-0000-0000-0000-000000000000')": {
			"name Dictionary(Int32, Utf8) nn", `end Timestamp(ns, "+00:00") nn`,
		},
		"SELECT * FROM streams": {
			"stream_id Utf8 nn", "process_id Utf8", "tags List(non-null Utf8, field: 'tag')", "properties Dictionary(Int32, Binary)",
			`insert_time Timestamp(ns, "+00:00")`,
		},
	} {
		schema, err := s.Describe(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if got := (answer{schema: schema}).fields(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}
