package admin

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/telemetry"
)

func column(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

var (
	typeBytes = arrow.BinaryTypes.Binary
	typeInt64 = arrow.PrimitiveTypes.Int64
	typeInt32 = arrow.PrimitiveTypes.Int32
	typeBool  = arrow.FixedWidthTypes.Boolean
	typeTags  = arrow.ListOfField(arrow.Field{Name: "tag", Type: typeText})

	partitionSchema = arrow.NewSchema([]arrow.Field{
		column("view_set_name", typeText),
		column("view_instance_id", typeText),
		column("begin_insert_time", typeTime),
		column("end_insert_time", typeTime),
		column("min_event_time", typeTime),
		column("max_event_time", typeTime),
		column("updated", typeTime),
		column("file_path", typeText),
		column("file_size", typeInt64),
		column("file_schema_hash", typeBytes),
		column("source_data_hash", typeBytes),
		column("num_rows", typeInt64),
		column("partition_format_version", typeInt32),
		column("sort_order", typeTags),
		column("max_sort_key_time", typeTime),
	}, nil)

	viewSetSchema = arrow.NewSchema([]arrow.Field{
		column("view_set_name", typeText),
		column("current_schema_hash", typeBytes),
		column("schema", typeText),
		column("has_view_maker", typeBool),
		column("global_instance_available", typeBool),
	}, nil)

	failedSchema = arrow.NewSchema([]arrow.Field{
		column("view_set_name", typeText),
		column("block_id", typeText),
		column("stream_id", typeText),
		column("process_id", typeText),
		column("insert_time", typeTime),
		column("payload_size", typeInt64),
		column("nb_objects", typeInt32),
		column("attempts", typeInt32),
		column("quarantined", typeBool),
		column("last_error", typeText),
	}, nil)
)

// formatVersion is that of existing servers' newest partitions: Parquet files that tell all about themselves.
const formatVersion = 2

// partitions lists the live partitions. Their rows are of no single process, so that everybody may know of them.
func (f *Functions) partitions(ctx context.Context, t *table) error {
	list, err := f.lake.Partitions(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		p := &list[i]
		t.text(string(p.View))
		t.text(p.Instance)
		t.time(p.Begin)
		t.time(p.End)
		if p.Rows == 0 {
			t.null()
			t.null()
		} else {
			t.time(p.MinTime)
			t.time(p.MaxTime)
		}
		t.time(p.Created)
		if p.File == "" {
			t.null()
		} else {
			t.text(p.File)
		}
		t.int64(p.Size)
		t.bytes(p.Hash)
		t.bytes(binary.LittleEndian.AppendUint64(nil, uint64(p.Objects)))
		t.int64(p.Rows)
		t.int32(formatVersion)
		t.tags(p.SortOrder)
		t.null() // the greatest value of the first column by which a file is sorted, if that is a time
	}
	return nil
}

func (f *Functions) viewSets(_ context.Context, t *table) error {
	for _, v := range lake.ViewSets() {
		t.text(v.Name)
		t.bytes(v.Hash)
		t.text(schemaText(v.Schema))
		t.bool(v.Instances)
		t.bool(v.Global)
	}
	return nil
}

// schemaText describes columns for people.
func schemaText(s *arrow.Schema) string {
	fields := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = f.Name + ": " + query.TypeText(f.Type)
		if !f.Nullable {
			fields[i] += " not null"
		}
	}
	return strings.Join(fields, ", ")
}

func (f *Functions) failed(ctx context.Context, t *table) error {
	list, err := f.lake.FailedBlocks(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		p := &list[i]
		t.text(string(p.View))
		t.text(p.Block.ID.String())
		t.text(p.Block.StreamID.String())
		t.text(p.Block.ProcessID.String())
		t.time(p.Block.InsertTime)
		t.int64(p.Block.PayloadSize)
		t.int32(p.Block.Objects)
		t.int32(int32(p.Attempts))
		t.bool(p.Quarantined)
		t.text(p.LastError)
	}
	return nil
}

// table collects rows, value by value.
type table struct {
	*array.RecordBuilder
	at int // the next column
}

func newTable(s *arrow.Schema) *table {
	return &table{RecordBuilder: array.NewRecordBuilder(memory.DefaultAllocator, s)}
}

func (t *table) next() array.Builder {
	b := t.Field(t.at)
	t.at = (t.at + 1) % t.Schema().NumFields()
	return b
}

func (t *table) text(s string)         { t.next().(*array.StringBuilder).Append(s) }
func (t *table) bytes(b []byte)        { t.next().(*array.BinaryBuilder).Append(b) }
func (t *table) int64(n int64)         { t.next().(*array.Int64Builder).Append(n) }
func (t *table) int32(n int32)         { t.next().(*array.Int32Builder).Append(n) }
func (t *table) bool(v bool)           { t.next().(*array.BooleanBuilder).Append(v) }
func (t *table) time(v telemetry.Time) { t.next().(*array.TimestampBuilder).Append(arrow.Timestamp(v)) }
func (t *table) null()                 { t.next().AppendNull() }

func (t *table) tags(list []string) {
	b := t.next().(*array.ListBuilder)
	if list == nil {
		b.AppendNull()
		return
	}
	b.Append(true)
	for _, s := range list {
		b.ValueBuilder().(*array.StringBuilder).Append(s)
	}
}

// rows ends the table.
func (t *table) rows() (*query.Rows, error) {
	batch := t.NewRecordBatch()
	defer t.Release()
	defer batch.Release()
	reader, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		return nil, err
	}
	return &query.Rows{Reader: reader}, nil
}
