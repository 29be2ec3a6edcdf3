package bulk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Sink takes what was read. Each call is one transaction, and known ids stay as they are.
type Sink interface {
	InsertProcesses(ctx context.Context, processes []telemetry.Process) error
	InsertStreams(ctx context.Context, streams []telemetry.Stream) error
	InsertBlocks(ctx context.Context, blocks []telemetry.Block) error
	// InsertPayloads takes payloads until next returns nil.
	InsertPayloads(ctx context.Context, next func() (*lake.BulkPayload, error)) error
}

// maxRecords bounds the records that one call keeps in memory until its transaction, in bytes of the batches that they
// came in. Payloads do not count: they go to the object store as they come.
const maxRecords = 1 << 30

// maxGrow bounds what is made room for because a batch says that it has so much.
const maxGrow = 64 << 10

// unstamped is the audience of rows that everybody may read.
const unstamped = "public"

// Load reads a table to its end into the sink and returns how many rows it has. Errors are faults.
func Load(ctx context.Context, sink Sink, table string, in array.RecordReader) (rows int64, err error) {
	l := &loader{table: table, in: in}
	switch table {
	case "processes":
		err = all(l, processColumns, process, func(p []telemetry.Process) error { return sink.InsertProcesses(ctx, p) })
	case "streams":
		err = all(l, streamColumns, stream, func(s []telemetry.Stream) error { return sink.InsertStreams(ctx, s) })
	case "blocks":
		err = all(l, blockColumns, block, func(b []telemetry.Block) error { return sink.InsertBlocks(ctx, b) })
	case "payloads":
		err = l.payloads(ctx, sink)
	default:
		return 0, &fault.Error{
			Kind: fault.Invalid, Msg: fmt.Sprintf("bulk ingest for table %.64q not supported", table),
			Fix: "the tables are processes, streams, blocks and payloads",
		}
	}
	if err != nil {
		return 0, l.fault(err)
	}
	return l.rows, nil
}

// loader reads the batches of one table.
type loader struct {
	table   string
	in      array.RecordReader
	rows    int64
	columns []arrow.Array // of the current batch, those that were asked for, then audience or nil
	names   []string
}

// fault says where err happened; what is a fault already keeps its kind.
func (l *loader) fault(err error) error {
	prefix := "error ingesting into " + l.table + ": "
	if f := fault.Of(err); f != nil {
		g := *f
		g.Msg = prefix + g.Msg
		return &g
	}
	return fault.New(fault.Invalid, prefix+err.Error())
}

// open finds the columns in the schema.
func (l *loader) open(names []string) ([]int, error) {
	l.names = names
	at := make([]int, 0, len(names)+1)
	for _, name := range names {
		i := slices.IndexFunc(l.in.Schema().Fields(), func(f arrow.Field) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("missing column '%s'", name)
		}
		at = append(at, i)
	}
	return append(at, slices.IndexFunc(l.in.Schema().Fields(), func(f arrow.Field) bool { return f.Name == "audience" })), nil
}

// use makes a batch the current one.
func (l *loader) use(batch arrow.RecordBatch, at []int) error {
	l.columns = l.columns[:0]
	for _, i := range at {
		if i < 0 {
			l.columns = append(l.columns, nil)
			continue
		}
		l.columns = append(l.columns, batch.Column(i))
	}
	audience := l.columns[len(l.columns)-1]
	if audience != nil && audience.DataType().ID() == arrow.NULL {
		return nil // as many rows as it likes to have
	}
	for i := 0; audience != nil && i < audience.Len(); i++ {
		a, err := text(audience, i)
		if err != nil {
			return fmt.Errorf("column 'audience' %w", err)
		}
		if a != "" && a != unstamped {
			return &fault.Error{
				Kind: fault.Unimplemented,
				Msg:  fmt.Sprintf("row %d is for the audience %.64q, and this lake shows everything to all who may read it", l.rows+int64(i), a),
				Fix:  "leave such rows out, or set their audience to public",
			}
		}
	}
	return nil
}

// row reads row i of the current batch.
type row struct {
	l   *loader
	i   int
	err error
}

// get reads column c; the first error counts.
func get[T any](r *row, c int, read func(arrow.Array, int) (T, error)) (v T) {
	if r.err != nil {
		return v
	}
	v, err := read(r.l.columns[c], r.i)
	if err != nil {
		r.err = fmt.Errorf("row %d: column '%s' %w", r.l.rows+int64(r.i), r.l.names[c], err)
	}
	return v
}

// within reads an integer and sees that it is from least to most.
func within(r *row, c int, least, most int64) int64 {
	v := get(r, c, integer)
	if r.err == nil && (v < least || v > most) {
		r.err = fmt.Errorf("row %d: column '%s' is %d, not from %d to %d", r.l.rows+int64(r.i), r.l.names[c], v, least, most)
	}
	return v
}

// all reads a table whole and then hands it on.
func all[T any](l *loader, names []string, read func(*row) T, insert func([]T) error) error {
	at, err := l.open(names)
	if err != nil {
		return err
	}
	var records []T
	var size uint64
	for l.in.Next() {
		batch := l.in.RecordBatch()
		for _, c := range batch.Columns() {
			size += c.Data().SizeInBytes()
		}
		if size > maxRecords {
			return fault.New(fault.TooLarge, fmt.Sprintf("the table has more than %d bytes; send it in parts", maxRecords))
		}
		if err := l.use(batch, at); err != nil {
			return err
		}
		// A batch without columns of its own, such as one of NULLs, can claim any number of rows in a few bytes.
		records = slices.Grow(records, int(min(batch.NumRows(), maxGrow)))
		for i := range int(batch.NumRows()) {
			r := &row{l: l, i: i}
			record := read(r)
			if r.err != nil {
				return r.err
			}
			records = append(records, record)
		}
		l.rows += batch.NumRows()
	}
	if err := l.in.Err(); err != nil {
		return err
	}
	return insert(records)
}

var processColumns = []string{
	"process_id", "exe", "username", "realname", "computer", "distro", "cpu_brand", "tsc_frequency", "start_time",
	"start_ticks", "insert_time", "parent_process_id", "properties",
}

func process(r *row) telemetry.Process {
	return telemetry.Process{
		ID: telemetry.ProcessID(get(r, 0, id)), Exe: kept(r, 1), Username: kept(r, 2), Realname: kept(r, 3), Computer: kept(r, 4),
		Distro: kept(r, 5), CPUBrand: kept(r, 6), TSCFrequency: get(r, 7, integer), StartTime: get(r, 8, moment),
		StartTicks: telemetry.Ticks(get(r, 9, integer)), InsertTime: get(r, 10, moment),
		Parent: telemetry.ProcessID(get(r, 11, optionalID)), Properties: keptMap(get(r, 12, properties)),
	}
}

var streamColumns = []string{
	"stream_id", "process_id", "dependencies_metadata", "objects_metadata", "tags", "properties", "insert_time", "format",
}

func stream(r *row) telemetry.Stream {
	tags := get(r, 4, texts)
	for i := range tags {
		tags[i] = strings.Clone(tags[i])
	}
	return telemetry.Stream{
		ID: telemetry.StreamID(get(r, 0, id)), ProcessID: telemetry.ProcessID(get(r, 1, id)),
		DependenciesMetadata: slices.Clone(get(r, 2, bytesAt)), ObjectsMetadata: slices.Clone(get(r, 3, bytesAt)),
		Tags: tags, Properties: keptMap(get(r, 5, properties)), InsertTime: get(r, 6, moment), Format: kept(r, 7),
	}
}

var blockColumns = []string{
	"block_id", "stream_id", "process_id", "begin_time", "begin_ticks", "end_time", "end_ticks", "nb_objects", "object_offset",
	"payload_size", "insert_time",
}

func block(r *row) telemetry.Block {
	return telemetry.Block{
		ID: telemetry.BlockID(get(r, 0, id)), StreamID: telemetry.StreamID(get(r, 1, id)), ProcessID: telemetry.ProcessID(get(r, 2, id)),
		BeginTime: get(r, 3, moment), BeginTicks: telemetry.Ticks(get(r, 4, integer)),
		EndTime: get(r, 5, moment), EndTicks: telemetry.Ticks(get(r, 6, integer)),
		Objects: int32(within(r, 7, 0, math.MaxInt32)), ObjectOffset: within(r, 8, 0, math.MaxInt64),
		PayloadSize: within(r, 9, 0, math.MaxInt64), InsertTime: get(r, 10, moment),
	}
}

var payloadColumns = []string{"process_id", "stream_id", "block_id", "payload"}

// payloads hands payloads on as they come.
func (l *loader) payloads(ctx context.Context, sink Sink) error {
	at, err := l.open(payloadColumns)
	if err != nil {
		return err
	}
	i, n := 0, 0
	return sink.InsertPayloads(ctx, func() (*lake.BulkPayload, error) {
		for i == n {
			l.rows += int64(n)
			i, n = 0, 0
			if !l.in.Next() {
				return nil, l.in.Err()
			}
			n = int(l.in.RecordBatch().NumRows())
			if err := l.use(l.in.RecordBatch(), at); err != nil {
				return nil, err
			}
		}
		r := &row{l: l, i: i}
		p := &lake.BulkPayload{
			Process: telemetry.ProcessID(get(r, 0, id)), Stream: telemetry.StreamID(get(r, 1, id)), Block: telemetry.BlockID(get(r, 2, id)),
			Stored: slices.Clone(get(r, 3, bytesAt)),
		}
		i++
		return p, r.err
	})
}

// kept reads a text that outlives its batch.
func kept(r *row, c int) string { return strings.Clone(get(r, c, text)) }

func keptMap(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[strings.Clone(k)] = strings.Clone(v)
	}
	return out
}
