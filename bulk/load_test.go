package bulk_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/bulk"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// sink keeps what it gets.
type sink struct {
	processes []telemetry.Process
	streams   []telemetry.Stream
	blocks    []telemetry.Block
	payloads  []lake.BulkPayload
	calls     int
	err       error
}

func (s *sink) InsertProcesses(_ context.Context, p []telemetry.Process) error {
	s.processes = p
	s.calls++
	return s.err
}

func (s *sink) InsertStreams(_ context.Context, p []telemetry.Stream) error {
	s.streams = p
	s.calls++
	return s.err
}

func (s *sink) InsertBlocks(_ context.Context, b []telemetry.Block) error {
	s.blocks = b
	s.calls++
	return s.err
}

func (s *sink) InsertPayloads(_ context.Context, next func() (*lake.BulkPayload, error)) error {
	for {
		p, err := next()
		if err != nil {
			return err
		}
		if p == nil {
			s.calls++
			return s.err
		}
		s.payloads = append(s.payloads, *p)
	}
}

const (
	idA = "11111111-2222-3333-4444-555555555555"
	idB = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
)

var (
	i32  = arrow.PrimitiveTypes.Int32
	i64  = arrow.PrimitiveTypes.Int64
	txt  = arrow.BinaryTypes.String
	blob = arrow.BinaryTypes.Binary
	ns   = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}
	kv   = arrow.ListOf(arrow.StructOf(arrow.Field{Name: "key", Type: txt}, arrow.Field{Name: "value", Type: txt, Nullable: true}))
)

func dict(t arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: i32, ValueType: t}
}

// column is a column of one row.
type column struct {
	t    arrow.DataType
	json string
}

// table makes batches of one row each.
func table(t *testing.T, columns map[string]column) array.RecordReader {
	t.Helper()
	var fields []arrow.Field
	var parts []string
	for name, c := range columns {
		fields = append(fields, arrow.Field{Name: name, Type: c.t, Nullable: true})
		parts = append(parts, fmt.Sprintf("%q: %s", name, c.json))
	}
	schema := arrow.NewSchema(fields, nil)
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("[{"+strings.Join(parts, ", ")+"}]"))
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Release()
	r, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Release)
	return r
}

func with(columns map[string]column, name string, c *column) map[string]column {
	out := maps.Clone(columns)
	if c == nil {
		delete(out, name)
	} else {
		out[name] = *c
	}
	return out
}

func b64(b []byte) string { return `"` + base64.StdEncoding.EncodeToString(b) + `"` }

// The documented example of the published client has microseconds, and lists of no type for properties.
func processColumns() map[string]column {
	micros := &arrow.TimestampType{Unit: arrow.Microsecond}
	return map[string]column{
		"process_id": {txt, `"` + idA + `"`}, "exe": {dict(txt), `"exe"`}, "username": {txt, `"u"`}, "realname": {txt, `"r"`},
		"computer": {arrow.BinaryTypes.LargeString, `"c"`}, "distro": {txt, `null`}, "cpu_brand": {txt, `"b"`}, "tsc_frequency": {i64, `3000`},
		"start_time": {micros, `"2024-01-02T03:04:05.678901"`}, "start_ticks": {arrow.PrimitiveTypes.Uint32, `7`},
		"insert_time": {ns, `"2024-01-02T03:04:05.678901234Z"`}, "parent_process_id": {txt, `""`},
		"properties": {arrow.ListOf(arrow.Null), `[]`}, "audience": {dict(txt), `"public"`}, "something": {i64, `1`},
	}
}

func TestProcesses(t *testing.T) {
	want := telemetry.Process{
		ID: telemetry.ProcessID(mustID(t, idA)), Exe: "exe", Username: "u", Realname: "r", Computer: "c", CPUBrand: "b",
		TSCFrequency: 3000, StartTime: 1704164645678901000, StartTicks: 7, InsertTime: 1704164645678901234, Properties: map[string]string{},
	}
	parent := want
	parent.Parent = telemetry.ProcessID(mustID(t, idB))
	named := want
	named.Properties = map[string]string{"k": "v", "n": "1"}
	document, err := jsonb.Append(nil, map[string]any{"k": "v", "n": 1})
	if err != nil {
		t.Fatal(err)
	}
	rows := `[{"key": "k", "value": "v"}, {"key": "n", "value": "1"}]`
	id16 := mustID(t, idA)
	for name, tc := range map[string]struct {
		columns map[string]column
		want    telemetry.Process
	}{
		"as documented":          {processColumns(), want},
		"no audience":            {with(processColumns(), "audience", nil), want},
		"bytes for an id":        {with(processColumns(), "process_id", &column{&arrow.FixedSizeBinaryType{ByteWidth: 16}, b64(id16[:])}), want},
		"upper case":             {with(processColumns(), "process_id", &column{txt, `"` + strings.ToUpper(idA) + `"`}), want},
		"parent":                 {with(processColumns(), "parent_process_id", &column{dict(txt), `"` + idB + `"`}), parent},
		"NULL parent":            {with(processColumns(), "parent_process_id", &column{arrow.Null, `null`}), want},
		"JSONB":                  {with(processColumns(), "properties", &column{blob, b64(document)}), named},
		"JSONB dictionary":       {with(processColumns(), "properties", &column{dict(blob), b64(document)}), named},
		"no bytes":               {with(processColumns(), "properties", &column{blob, `""`}), want},
		"NULL properties":        {with(processColumns(), "properties", &column{blob, `null`}), want},
		"list of key and value":  {with(processColumns(), "properties", &column{kv, rows}), named},
		"empty list":             {with(processColumns(), "properties", &column{kv, `[]`}), want},
		"large list":             {with(processColumns(), "properties", &column{arrow.LargeListOf(kv.Elem()), rows}), named},
		"map":                    {with(processColumns(), "properties", &column{arrow.MapOf(txt, txt), rows}), named},
		"struct":                 {with(processColumns(), "properties", &column{arrow.StructOf(arrow.Field{Name: "k", Type: txt}, arrow.Field{Name: "n", Type: txt}, arrow.Field{Name: "x", Type: txt, Nullable: true}), `{"k": "v", "n": "1", "x": null}`}), named},
		"JSON":                   {with(processColumns(), "properties", &column{txt, `"{\"k\": \"v\", \"n\": 1}"`}), named},
		"seconds":                {with(processColumns(), "start_time", &column{&arrow.TimestampType{Unit: arrow.Second}, `"2024-01-02T03:04:05"`}), withStart(want, 1704164645000000000)},
		"milliseconds in a zone": {with(processColumns(), "start_time", &column{&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, `"2024-01-02T03:04:05.678Z"`}), withStart(want, 1704164645678000000)},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			n, err := bulk.Load(t.Context(), s, "processes", table(t, tc.columns))
			if err != nil || n != 1 || s.calls != 1 {
				t.Fatalf("%d rows, %d calls, %v", n, s.calls, err)
			}
			if !reflect.DeepEqual(s.processes, []telemetry.Process{tc.want}) {
				t.Errorf("got  %+v\nwant %+v", s.processes, tc.want)
			}
		})
	}
}

func withStart(p telemetry.Process, at telemetry.Time) telemetry.Process {
	p.StartTime = at
	return p
}

// A list of dictionaries of key and value is what properties_to_dict made of properties; there is no JSON for it.
func TestPropertiesAsDictionaryOfLists(t *testing.T) {
	lists := array.NewListBuilder(memory.DefaultAllocator, kv.Elem())
	defer lists.Release()
	for range 2 {
		lists.Append(true)
		pair := lists.ValueBuilder().(*array.StructBuilder)
		pair.Append(true)
		pair.FieldBuilder(0).(*array.StringBuilder).Append("k")
		pair.FieldBuilder(1).(*array.StringBuilder).Append("v")
	}
	values := lists.NewArray()
	defer values.Release()
	index := array.NewInt32Builder(memory.DefaultAllocator)
	defer index.Release()
	index.AppendValues([]int32{1}, nil)
	indices := index.NewArray()
	defer indices.Release()
	coded := array.NewDictionaryArray(&arrow.DictionaryType{IndexType: i32, ValueType: values.DataType()}, indices, values)
	defer coded.Release()

	one := table(t, with(streamColumns(), "properties", nil))
	one.Next()
	batch := one.RecordBatch()
	fields := append(batch.Schema().Fields(), arrow.Field{Name: "properties", Type: coded.DataType()})
	schema := arrow.NewSchema(fields, nil)
	whole := array.NewRecordBatch(schema, append(batch.Columns(), coded), 1)
	defer whole.Release()
	r, err := array.NewRecordReader(schema, []arrow.RecordBatch{whole})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	s := &sink{}
	if _, err := bulk.Load(t.Context(), s, "streams", r); err != nil || s.streams[0].Properties["k"] != "v" {
		t.Errorf("%+v, %v", s.streams, err)
	}
}

func streamColumns() map[string]column {
	return map[string]column{
		"stream_id": {txt, `"` + idB + `"`}, "process_id": {txt, `"` + idA + `"`}, "dependencies_metadata": {blob, `"gA=="`},
		"objects_metadata": {arrow.BinaryTypes.LargeBinary, `"gQE="`}, "tags": {arrow.ListOf(txt), `["log", "x"]`},
		"properties": {kv, `[{"key": "thread-name", "value": "main"}]`}, "insert_time": {ns, `"2024-01-02T03:04:05Z"`},
		"format": {txt, `"otlp/v1/logs"`},
	}
}

func TestStreams(t *testing.T) {
	for name, tc := range map[string]struct {
		columns map[string]column
		tags    []string
	}{
		"list":              {streamColumns(), []string{"log", "x"}},
		"list of no type":   {with(streamColumns(), "tags", &column{arrow.ListOf(arrow.Null), `[]`}), nil},
		"NULL":              {with(streamColumns(), "tags", &column{arrow.Null, `null`}), nil},
		"coded":             {with(streamColumns(), "tags", &column{arrow.LargeListOf(dict(txt)), `["cpu"]`}), []string{"cpu"}},
		"list of one size":  {with(streamColumns(), "tags", &column{arrow.FixedSizeListOf(1, txt), `["cpu"]`}), []string{"cpu"}},
		"unknown encodings": {with(streamColumns(), "format", &column{dict(txt), `"something/v9"`}), []string{"log", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			if n, err := bulk.Load(t.Context(), s, "streams", table(t, tc.columns)); err != nil || n != 1 {
				t.Fatal(n, err)
			}
			st := s.streams[0]
			if !reflect.DeepEqual(st.Tags, tc.tags) || st.Properties["thread-name"] != "main" || string(st.ObjectsMetadata) != "\x81\x01" ||
				st.ProcessID.String() != idA || st.ID.String() != idB {
				t.Errorf("%+v", st)
			}
		})
	}
}

func blockColumns() map[string]column {
	return map[string]column{
		"block_id": {txt, `"` + idB + `"`}, "stream_id": {txt, `"` + idB + `"`}, "process_id": {txt, `"` + idA + `"`},
		"begin_time": {ns, `"2024-01-02T03:04:05Z"`}, "begin_ticks": {i64, `-5`}, "end_time": {ns, `"2024-01-02T03:04:06Z"`},
		"end_ticks": {i64, `9`}, "nb_objects": {i32, `3`}, "object_offset": {i64, `4`}, "payload_size": {i64, `100`},
		"insert_time": {ns, `"2024-01-02T03:04:07Z"`},
	}
}

func TestBlocksAndPayloads(t *testing.T) {
	s := &sink{}
	if n, err := bulk.Load(t.Context(), s, "blocks", table(t, blockColumns())); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if b := s.blocks[0]; b.BeginTicks != -5 || b.Objects != 3 || b.ObjectOffset != 4 || b.PayloadSize != 100 || b.InsertTime != 1704164647000000000 {
		t.Errorf("%+v", b)
	}
	payload := map[string]column{
		"process_id": {txt, `"` + idA + `"`}, "stream_id": {txt, `"` + idB + `"`}, "block_id": {txt, `"` + idB + `"`}, "payload": {blob, `"AAEC"`},
	}
	if n, err := bulk.Load(t.Context(), s, "payloads", table(t, payload)); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if p := s.payloads[0]; string(p.Stored) != "\x00\x01\x02" || p.Block.String() != idB {
		t.Errorf("%+v", p)
	}
}

func TestTablesThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		table   string
		columns map[string]column
		want    string
		kind    fault.Kind
	}{
		"table":           {"log_entries", processColumns(), `bulk ingest for table "log_entries" not supported`, fault.Invalid},
		"missing column":  {"processes", with(processColumns(), "exe", nil), "error ingesting into processes: missing column 'exe'", fault.Invalid},
		"missing payload": {"payloads", blockColumns(), "error ingesting into payloads: missing column 'payload'", fault.Invalid},
		"no UUID":         {"processes", with(processColumns(), "process_id", &column{txt, `"x"`}), `row 0: column 'process_id' "x" is not a UUID`, fault.Invalid},
		"NULL id":         {"processes", with(processColumns(), "process_id", &column{txt, `null`}), "column 'process_id' is NULL", fault.Invalid},
		"few bytes":       {"processes", with(processColumns(), "process_id", &column{blob, `"AAEC"`}), "has 3 bytes", fault.Invalid},
		"type of text":    {"processes", with(processColumns(), "exe", &column{i64, `1`}), "column 'exe' has the type int64, not text", fault.Invalid},
		"type of time":    {"processes", with(processColumns(), "start_time", &column{i64, `1`}), "not a timestamp", fault.Invalid},
		"far future":      {"processes", with(processColumns(), "start_time", &column{&arrow.TimestampType{Unit: arrow.Second}, `99999999999`}), "1677 to 2262", fault.Invalid},
		"type of number":  {"processes", with(processColumns(), "start_ticks", &column{txt, `"1"`}), "not an integer", fault.Invalid},
		"NULL number":     {"processes", with(processColumns(), "start_ticks", &column{i64, `null`}), "column 'start_ticks' is NULL", fault.Invalid},
		"properties":      {"processes", with(processColumns(), "properties", &column{arrow.ListOf(i64), `[1]`}), "not of key and value", fault.Invalid},
		"no object":       {"processes", with(processColumns(), "properties", &column{txt, `"[1]"`}), "is not an object", fault.Invalid},
		"no JSONB":        {"processes", with(processColumns(), "properties", &column{blob, `"AAEC"`}), "is not JSONB", fault.Invalid},
		"tags":            {"streams", with(streamColumns(), "tags", &column{txt, `"log"`}), "not a list of texts", fault.Invalid},
		"too many":        {"blocks", with(blockColumns(), "nb_objects", &column{i64, `3000000000`}), "column 'nb_objects' is 3000000000", fault.Invalid},
		"negative":        {"blocks", with(blockColumns(), "payload_size", &column{i64, `-1`}), "column 'payload_size' is -1", fault.Invalid},
		"audience":        {"blocks", with(blockColumns(), "audience", &column{dict(txt), `"secret"`}), `row 0 is for the audience "secret"`, fault.Unimplemented},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			_, err := bulk.Load(t.Context(), s, tc.table, table(t, tc.columns))
			if err == nil || !strings.Contains(fault.Of(err).Public(), tc.want) || fault.KindOf(err) != tc.kind {
				t.Errorf("%v, want %s", err, tc.want)
			}
			if s.calls != 0 {
				t.Error("something was recorded")
			}
		})
	}
}

// What a batch claims to have takes no memory before it is seen to be there.
func TestClaims(t *testing.T) {
	var fields []arrow.Field
	for name := range processColumns() {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.Null, Nullable: true})
	}
	load := func(fields []arrow.Field, columns []arrow.Array, rows int64) error {
		schema := arrow.NewSchema(fields, nil)
		batch := array.NewRecordBatch(schema, columns, rows)
		defer batch.Release()
		r, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		_, err = bulk.Load(t.Context(), &sink{}, "processes", r)
		return err
	}
	const rows = 1 << 40
	columns := make([]arrow.Array, len(fields))
	for i := range columns {
		columns[i] = array.NewNull(rows)
	}
	if err := load(fields, columns, rows); err == nil || !strings.Contains(fault.Of(err).Public(), "is NULL") {
		t.Errorf("many NULLs: %v", err)
	}

	// A list that claims more elements than its child has.
	source := table(t, with(processColumns(), "properties", nil))
	source.Next()
	fields = append(slices.Clone(source.Schema().Fields()), arrow.Field{Name: "properties", Type: arrow.ListOf(arrow.StructOf(
		arrow.Field{Name: "key", Type: txt}, arrow.Field{Name: "value", Type: txt}))})
	child := array.NewStructBuilder(memory.DefaultAllocator, fields[len(fields)-1].Type.(*arrow.ListType).Elem().(*arrow.StructType)).NewArray()
	offsets := arrow.Int32Traits.CastToBytes([]int32{0, math.MaxInt32})
	list := array.NewListData(array.NewData(fields[len(fields)-1].Type, 1,
		[]*memory.Buffer{nil, memory.NewBufferBytes(offsets)}, []arrow.ArrayData{child.Data()}, 0, 0))
	func() {
		defer func() { _ = recover() }() // the server's calls recover from panics
		if err := load(fields, append(slices.Clone(source.RecordBatch().Columns()), list), 1); err == nil {
			t.Error("a list without its elements was read")
		}
	}()
}

func TestFaultsOfTheSinkKeepTheirKind(t *testing.T) {
	s := &sink{err: fault.Wrap(fault.Unavailable, "the catalog does not take the record now", errors.New("secret"))}
	_, err := bulk.Load(t.Context(), s, "processes", table(t, processColumns()))
	if fault.KindOf(err) != fault.Unavailable || strings.Contains(fault.Of(err).Public(), "secret") {
		t.Error(err)
	}
}

func mustID(t *testing.T, s string) [16]byte {
	t.Helper()
	id, err := telemetry.ParseProcessID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
