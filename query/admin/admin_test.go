package admin_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/admin"
	"github.com/micromegas-go/micromegas/query/denylist"
	"github.com/micromegas-go/micromegas/query/duck"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a lake with a query service that has the functions.
type rig struct {
	*testing.T
	lake    *lake.Lake
	catalog *catalog.DB
	queries *query.Service
	denials *denylist.List
	process telemetry.Process
	stream  telemetry.Stream
	log     bytes.Buffer // of administration
}

func newRig(t *testing.T) *rig {
	t.Helper()
	folder := t.TempDir()
	r := &rig{T: t}
	var err error
	r.catalog, err = catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db")})
	r.ok(err)
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	r.ok(err)
	r.lake, err = lake.Open(t.Context(), lake.Options{
		Catalog: r.catalog, Objects: objects, CacheDir: filepath.Join(folder, "cache"), Maintenance: lake.Maintenance{MergeFiles: 1000},
	})
	r.ok(err)
	engine, err := duck.Open(duck.Options{TempDir: t.TempDir()})
	r.ok(err)
	t.Cleanup(func() {
		if err := errors.Join(engine.Close(), r.lake.Close(), r.catalog.Close()); err != nil {
			t.Error(err)
		}
	})
	r.denials = denylist.New(r.catalog, denylist.Options{MaxRules: 2})
	functions := admin.New(r.lake, r.denials, slog.New(slog.NewJSONHandler(&r.log, nil)))
	r.queries = query.New(r.lake, engine, query.Options{TableFunctions: functions.TableFunctions(), Scalars: functions.Scalars()})
	deps, layouts := wire.LogLayouts()
	r.process = telemetry.Process{ID: telemetry.ProcessID(uuid.New()), TSCFrequency: 1e9}
	r.stream = telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: r.process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: layouts.Encode(), Tags: []string{telemetry.TagLog}, Format: telemetry.FormatNative,
	}
	r.ok(r.lake.InsertProcess(t.Context(), r.process))
	r.ok(r.lake.InsertStream(t.Context(), r.stream))
	return r
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// partition appends a block of n log entries and makes a partition of it.
func (r *rig) partition(n int) {
	r.Helper()
	var b wire.LogBuilder
	for i := range n {
		b.Add(telemetry.Ticks(i), wire.LevelInfo, "target", "message", nil)
	}
	payload, objects := b.Finish()
	r.append(payload, objects)
	r.ok(r.lake.Settle(r.Context()))
}

func (r *rig) append(payload wire.Payload, objects int32) telemetry.BlockID {
	r.Helper()
	block := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: r.stream.ID, ProcessID: r.process.ID, Objects: objects, EndTicks: 1,
	}
	r.ok(r.lake.Append(r.Context(), block, payload))
	return block.ID
}

var (
	anna = &auth.Identity{Subject: "anna", Email: "anna@example.com", Method: auth.MethodOIDC, Admin: true}
	bob  = &auth.Identity{Subject: "bob", Method: auth.MethodOIDC, Roles: auth.RoleDefault}
)

func (r *rig) as(id *auth.Identity, sql string) (*arrow.Schema, []string, error) {
	r.Helper()
	ctx, cancel := context.WithCancel(auth.With(r.Context(), id))
	defer cancel()
	result, err := r.queries.Execute(ctx, query.Request{SQL: sql})
	if err != nil {
		return nil, nil, err
	}
	defer result.Release()
	var rows []string
	for result.Next() {
		b := result.RecordBatch()
		for i := range int(b.NumRows()) {
			values := make([]string, b.NumCols())
			for c := range values {
				values[c] = strings.Clone(b.Column(c).ValueStr(i))
			}
			rows = append(rows, strings.Join(values, "|"))
		}
	}
	return result.Schema(), rows, result.Err()
}

// must runs a statement as an administrator.
func (r *rig) must(sql string) []string {
	r.Helper()
	_, rows, err := r.as(anna, sql)
	if err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// count counts the log entries and checks the catalog's invariant.
func (r *rig) count() string {
	r.Helper()
	r.ok(r.catalog.CheckCoverage(r.Context()))
	return r.must("SELECT count(*) FROM log_entries")[0]
}

func TestListPartitions(t *testing.T) {
	r := newRig(t)
	schema, rows, err := r.as(bob, "SELECT * FROM list_partitions()")
	if err != nil || len(rows) != 0 {
		t.Fatalf("an empty lake: %q, %v", rows, err)
	}
	const want = "view_set_name:Utf8, view_instance_id:Utf8, begin_insert_time:TS, end_insert_time:TS, min_event_time:TS, " +
		"max_event_time:TS, updated:TS, file_path:Utf8, file_size:Int64, file_schema_hash:Binary, source_data_hash:Binary, " +
		"num_rows:Int64, partition_format_version:Int32, sort_order:List, max_sort_key_time:TS"
	if got := describe(schema); got != want {
		t.Errorf("columns\n got %s\nwant %s", got, want)
	}
	r.partition(3)
	_, rows, err = r.as(bob, `SELECT view_set_name, view_instance_id, num_rows, file_size > 0 AND file_path LIKE 'views/%', sort_order,
		end_insert_time >= begin_insert_time, encode(source_data_hash, 'hex') FROM list_partitions()`)
	if err != nil || len(rows) != 1 || rows[0] != `log_entries|global|3|true|["process_id","time"]|true|0300000000000000` {
		t.Errorf("rows %q, %v", rows, err)
	}
}

func describe(s *arrow.Schema) string {
	var columns []string
	for _, f := range s.Fields() {
		text := query.TypeText(f.Type)
		switch {
		case text == `Timestamp(ns, "+00:00")`:
			text = "TS"
		case strings.HasPrefix(text, "List"):
			text = "List"
		}
		columns = append(columns, f.Name+":"+text)
	}
	return strings.Join(columns, ", ")
}

func TestListViewSets(t *testing.T) {
	r := newRig(t)
	schema, rows, err := r.as(bob, "SELECT * FROM list_view_sets()")
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(schema); got != "view_set_name:Utf8, current_schema_hash:Binary, schema:Utf8, has_view_maker:Boolean, global_instance_available:Boolean" {
		t.Errorf("columns %s", got)
	}
	if len(rows) != len(lake.ViewSets()) {
		t.Errorf("%d rows, want %d", len(rows), len(lake.ViewSets()))
	}
	_, rows, err = r.as(bob, `SELECT view_set_name, encode(current_schema_hash, 'hex'), has_view_maker, global_instance_available
		FROM list_view_sets() WHERE view_set_name IN ('log_entries', 'thread_spans', 'processes') ORDER BY 1`)
	if err != nil || fmt.Sprint(rows) != "[log_entries|07|true|true processes|"+hashOf("processes")+"|false|true thread_spans|04|true|false]" {
		t.Errorf("rows %q, %v", rows, err)
	}
}

func hashOf(set string) string {
	for _, v := range lake.ViewSets() {
		if v.Name == set {
			return hex.EncodeToString(v.Hash)
		}
	}
	return ""
}

// TestIncompatible is the statement with which existing clients look for partitions of another schema.
func TestIncompatible(t *testing.T) {
	r := newRig(t)
	r.partition(3)
	const join = `
        SELECT p.view_set_name, p.view_instance_id, p.begin_insert_time, p.end_insert_time,
               p.file_schema_hash as incompatible_schema_hash, vs.current_schema_hash, p.file_path, p.file_size
        FROM list_partitions() p
        JOIN list_view_sets() vs ON p.view_set_name = vs.view_set_name
        WHERE p.file_schema_hash %s vs.current_schema_hash AND p.view_set_name = 'log_entries'
        ORDER BY p.view_set_name, p.view_instance_id, p.begin_insert_time`
	if rows := r.must(fmt.Sprintf(join, "!=")); len(rows) != 0 {
		t.Errorf("incompatible %q", rows)
	}
	if rows := r.must(fmt.Sprintf(join, "=")); len(rows) != 1 {
		t.Errorf("compatible %q", rows)
	}
}

// A66, A67: to anybody else the functions are closed, and nothing happens.
func TestA67Functions(t *testing.T) {
	r := newRig(t)
	r.partition(3)
	for _, sql := range []string{
		"SELECT * FROM retire_partitions('log_entries', 'global', '2000-01-01', '2100-01-01')",
		"SELECT * FROM materialize_partitions('log_entries', '2000-01-01', '2100-01-01', 1000000)",
		"SELECT * FROM regenerate_partitions('log_entries', '2000-01-01', '2100-01-01', 86400)",
		"SELECT retire_partition_by_file(file_path) FROM list_partitions()",
		"SELECT retire_partition_by_metadata(view_set_name, view_instance_id, begin_insert_time, end_insert_time) FROM list_partitions()",
		"SELECT * FROM list_quarantined_blocks()",
		"SELECT * FROM requeue_quarantined_blocks('log_entries')",
		"SELECT * FROM delete_process('" + r.process.ID.String() + "')",
		"SELECT * FROM delete_blocks_before('2025-01-01')",
		"SELECT * FROM deny_queries('sql = ''x''', 'reason')",
		"SELECT * FROM list_query_denials()",
		"SELECT remove_query_denial('" + uuid.NewString() + "')",
	} {
		_, rows, err := r.as(bob, sql)
		f := fault.Of(err)
		name := strings.FieldsFunc(sql, func(c rune) bool { return c == ' ' || c == '(' })[1]
		if name == "*" {
			name = strings.FieldsFunc(sql, func(c rune) bool { return c == ' ' || c == '(' })[3]
		}
		if f == nil || f.Kind != fault.PermissionDenied || !strings.Contains(f.Public(), name+" needs an administrator") {
			t.Errorf("%s = %q, %v", sql, rows, err)
		}
	}
	if n := r.count(); n != "3" || len(r.must("SELECT 1 FROM list_partitions()")) != 1 {
		t.Errorf("%s rows, want 3 in one partition", n)
	}
	if r.log.Len() > 0 {
		t.Errorf("logged %s", r.log.String())
	}
}

func TestOperations(t *testing.T) {
	r := newRig(t)
	r.partition(3)
	r.partition(4)
	schema, rows, err := r.as(anna, `
		SELECT time, msg
		FROM retire_partitions('log_entries', 'global', '2000-01-01T00:00:00+00:00', '2100-01-01T00:00:00.5')
		;`)
	if err != nil || len(rows) != 2 || !strings.Contains(rows[0], "[RETIRE_FOUND] view=log_entries") {
		t.Fatalf("retire_partitions: %q, %v", rows, err)
	}
	if got := describe(schema); got != "time:TS, msg:Utf8" {
		t.Errorf("columns %s", got)
	}
	if n := r.count(); n != "7" || len(r.must("SELECT 1 FROM list_partitions()")) != 0 {
		t.Errorf("%s rows, want 7 in no partition", n)
	}
	if !strings.Contains(r.log.String(), `"msg":"administration","operation":"retire_partitions"`) || !strings.Contains(r.log.String(), "anna@example.com") {
		t.Errorf("logged %s", r.log.String())
	}

	rows = r.must("SELECT time, msg FROM materialize_partitions('log_entries', '2026-01-01T00:00:00', '2100-01-01T00:00:00', 31536000)")
	if len(rows) != 2 || !strings.Contains(rows[0], "nb_source_events=7") || !strings.HasSuffix(rows[1], ": done") {
		t.Errorf("materialize_partitions: %q", rows)
	}
	if n := r.count(); n != "7" || len(r.must("SELECT 1 FROM list_partitions()")) != 1 {
		t.Errorf("%s rows, want 7 in one partition", n)
	}
	rows = r.must("SELECT msg FROM regenerate_partitions('log_entries', '2026-01-01', '2096-01-01', 86400)")
	if len(rows) != 1 || !strings.Contains(rows[0], "regenerated, nb_source_events=7, rows=7") {
		t.Errorf("regenerate_partitions: %q", rows)
	}

	for sql, want := range map[string]string{
		"SELECT * FROM retire_partitions('nothing', 'global', '2000-01-01', '2100-01-01')":          "view set nothing not found",
		"SELECT * FROM retire_partitions('log_entries', 'global', '2100-01-01', '2000-01-01')":      "must not be before argument 3",
		"SELECT * FROM retire_partitions('log_entries', 'global', 'yesterday', '2000-01-01')":       "argument 3 of retire_partitions must be a time",
		"SELECT * FROM retire_partitions('log_entries')":                                            "takes 4 arguments, not 1",
		"SELECT * FROM materialize_partitions('log_entries', '2026-01-01', '2100-01-01', 0)":        "must be a number of seconds",
		"SELECT * FROM materialize_partitions('processes', '2026-01-01', '2100-01-01', 3600)":       "is kept in no partitions",
		"SELECT * FROM regenerate_partitions('log_entries', '2026-01-01', '2096-01-01', 86401)":     "do not tile",
		"SELECT * FROM requeue_quarantined_blocks('nothing')":                                       "view set nothing not found",
		"SELECT * FROM delete_process('me')":                                                        "must be the id of a process",
		"SELECT * FROM delete_blocks_before('2100-01-01')":                                          "must be a time in the past",
		"SELECT * FROM list_partitions(1)":                                                          "takes 0 arguments",
		"SELECT retire_partition_by_metadata('log_entries')":                                        "retire_partition_by_metadata",
		"SELECT msg FROM regenerate_partitions('log_entries', '2026-01-01', '2096-01-01', 1) UNION": "",
	} {
		_, rows, err := r.as(anna, sql)
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Public(), want) {
			t.Errorf("%s = %q, %v; want %q", sql, rows, err, want)
		}
	}
}

func TestRetireOne(t *testing.T) {
	r := newRig(t)
	r.partition(3)
	file := r.must("SELECT file_path FROM list_partitions()")[0]
	for sql, want := range map[string]string{
		"SELECT retire_partition_by_file('views/x') AS message":                                                        "ERROR: Partition not found: views/x",
		"SELECT retire_partition_by_file(NULL) AS message":                                                             "ERROR: all arguments must be non-null",
		"SELECT retire_partition_by_file('') AS message":                                                               "ERROR: Partition not found: the first argument is empty",
		"SELECT retire_partition_by_metadata('a', 'b', NULL, now(), decode('07', 'hex'))":                              "ERROR: all arguments must be non-null",
		"SELECT retire_partition_by_metadata('log_entries', 'global', TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-01')": "ERROR: Partition not found: log_entries/global [2020-01-01T00:00:00Z, 2020-01-01T00:00:00Z)",
	} {
		if rows := r.must(sql); len(rows) != 1 || rows[0] != want {
			t.Errorf("%s = %q, want %q", sql, rows, want)
		}
	}
	// One of two is not there: none is retired, and both rows say so.
	rows := r.must("SELECT retire_partition_by_file(f) FROM (VALUES ('" + file + "'), ('views/x')) AS v(f)")
	if len(rows) != 2 || !strings.HasPrefix(rows[0], "ERROR: ROLLED_BACK") || rows[1] != "ERROR: Partition not found: views/x" {
		t.Errorf("one of two: %q", rows)
	}
	if rows := r.must("SELECT retire_partition_by_file('" + file + "') AS message"); rows[0] != "SUCCESS: Retired partition "+file {
		t.Errorf("by file: %q", rows)
	}
	if n := r.count(); n != "3" {
		t.Errorf("%s rows, want 3", n)
	}

	// As clients send what they have read, in microseconds.
	r.ok(r.lake.Settle(t.Context()))
	times := strings.Split(r.must("SELECT begin_insert_time, end_insert_time FROM list_partitions()")[0], "|")
	for i := range times {
		at, err := time.Parse(time.RFC3339Nano, times[i])
		r.ok(err)
		times[i] = at.Format("2006-01-02 15:04:05.000000")
	}
	sql := fmt.Sprintf("SELECT retire_partition_by_metadata('log_entries', 'global', CAST('%s+00:00' AS TIMESTAMP), CAST('%s+00:00' AS TIMESTAMP), decode('07', 'hex')) as message",
		times[0], times[1])
	if rows := r.must(sql); len(rows) != 1 || !strings.HasPrefix(rows[0], "SUCCESS: Retired partition log_entries/global [") || !strings.HasSuffix(rows[0], " schema_hash=07") {
		t.Errorf("%s = %q", sql, rows)
	}
	if n := r.count(); n != "3" || len(r.must("SELECT 1 FROM list_partitions()")) != 0 {
		t.Errorf("%s rows, want 3 in no partition", n)
	}
}

func TestQuarantine(t *testing.T) {
	r := newRig(t)
	bad := r.append(wire.Payload{Objects: []byte{1, 2, 3}}, 1)
	_, rows, err := r.as(anna, "SELECT msg FROM materialize_partitions('log_entries', '2026-01-01', '2100-01-01', 31536000)")
	if f := fault.Of(err); f == nil || !strings.Contains(f.Public(), bad.String()) {
		t.Errorf("materialize_partitions: %q, %v; want an error that names the block", rows, err)
	}
	rows = r.must("SELECT view_set_name, block_id, process_id, attempts > 0, last_error <> '' FROM list_quarantined_blocks()")
	if want := "log_entries|" + bad.String() + "|" + r.process.ID.String() + "|true|true"; len(rows) != 1 || rows[0] != want {
		t.Errorf("list_quarantined_blocks: %q, want %q", rows, want)
	}
	if rows := r.must("SELECT msg FROM requeue_quarantined_blocks('log_entries')"); len(rows) != 1 {
		t.Errorf("requeue_quarantined_blocks: %q", rows)
	}
}

func TestDelete(t *testing.T) {
	r := newRig(t)
	r.partition(3)
	rows := r.must("SELECT msg FROM delete_blocks_before('2025-01-01')")
	if n := r.count(); n != "3" || !strings.HasPrefix(rows[len(rows)-1], "deleted 0 blocks") {
		t.Errorf("%s rows; %q", n, rows)
	}
	rows = r.must("SELECT msg FROM delete_process('" + r.process.ID.String() + "')")
	if n := r.count(); n != "0" || !strings.HasPrefix(rows[len(rows)-1], "deleted 1 blocks") || !strings.HasSuffix(rows[len(rows)-1], "1 processes, 1 streams") {
		t.Errorf("%s rows; %q", n, rows)
	}
	if rows := r.must("SELECT * FROM processes"); len(rows) != 0 {
		t.Errorf("processes %q", rows)
	}
}

func TestDenials(t *testing.T) {
	r := newRig(t)
	schema, rows, err := r.as(anna, "SELECT time, msg FROM deny_queries('client = ''grafana'' AND sql LIKE ''%join%''', 'too slow')")
	if err != nil || len(rows) != 1 || describe(schema) != "time:TS, msg:Utf8" {
		t.Fatalf("deny_queries: %q, %v", rows, err)
	}
	id := strings.Split(rows[0], "|")[1]
	schema, rows, err = r.as(anna, "SELECT * FROM list_query_denials()")
	if err != nil || describe(schema) != "rule_id:Utf8, created_at:TS, created_by:Utf8, reason:Utf8, match_expr:Utf8, last_hit_at:TS" {
		t.Errorf("list_query_denials: %s, %v", describe(schema), err)
	}
	if len(rows) != 1 || !strings.HasPrefix(rows[0], id+"|") || !strings.HasSuffix(rows[0], "|anna@example.com|too slow|client = 'grafana' AND sql LIKE '%join%'|(null)") {
		t.Errorf("list_query_denials: %q", rows)
	}
	err = r.denials.Check(auth.With(t.Context(), bob), &denylist.Request{Client: "grafana", SQL: "a join b"}, "q1")
	if f := fault.Of(err); f == nil || f.Kind != fault.Exhausted || f.Public() != "query denied by rule "+id+
		" (reason: too slow); ask an admin to lift it with remove_query_denial('"+id+"'); query_id=q1" {
		t.Errorf("Check = %v", err)
	}
	for sql, want := range map[string]string{
		"SELECT * FROM deny_queries('client', 'r')":           "it must be a condition, not a text",
		"SELECT * FROM deny_queries('1 = 1', 'r')":            "it refers to no attribute",
		"SELECT * FROM deny_queries('client = 1', 'r')":       "a text cannot be compared with a number (at character 10",
		"SELECT * FROM deny_queries('password = ''x''', 'r')": `there is no attribute "password"`,
		"SELECT * FROM deny_queries('client ~ ''(''', 'r')":   "missing closing )",
		"SELECT * FROM deny_queries('client = ''x''', ' ')":   "must say why",
		"SELECT * FROM deny_queries(client, 'r')":             "must be a constant",
	} {
		_, rows, err := r.as(anna, sql)
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Public(), want) {
			t.Errorf("%s = %q, %v; want %q", sql, rows, err, want)
		}
	}
	r.must("SELECT * FROM deny_queries('email IS NULL', 'second')")
	if _, rows, err := r.as(anna, "SELECT * FROM deny_queries('email IS NULL', 'third')"); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Of(err).Public(), "MICROMEGAS_QUERY_DENY_MAX_RULES") {
		t.Errorf("a third rule: %q, %v", rows, err)
	}

	other := uuid.NewString()
	for sql, want := range map[string]string{
		"SELECT remove_query_denial('x')":             "ERROR: 'x' is not a valid rule id",
		"SELECT remove_query_denial('" + other + "')": "ERROR: no such rule: " + other,
		"SELECT remove_query_denial(NULL)":            "(null)",
	} {
		if rows := r.must(sql); len(rows) != 1 || rows[0] != want {
			t.Errorf("%s = %q, want %q", sql, rows, want)
		}
	}
	rows = r.must("SELECT remove_query_denial(v) FROM (VALUES ('" + id + "'), ('" + other + "')) AS t(v)")
	if len(rows) != 2 || !strings.HasPrefix(rows[0], "ERROR: ROLLED_BACK") || rows[1] != "ERROR: no such rule: "+other {
		t.Errorf("one of two: %q", rows)
	}
	if rows := r.must("SELECT remove_query_denial('" + id + "')"); rows[0] != "SUCCESS: removed rule "+id {
		t.Errorf("remove: %q", rows)
	}
	if rows := r.must("SELECT reason FROM list_query_denials()"); len(rows) != 1 || rows[0] != "second" {
		t.Errorf("left %q", rows)
	}
}
