package lake

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// batchBuilder makes batches, filled value by value in the order of the view's columns.
type batchBuilder struct {
	b    *array.RecordBuilder
	col  int
	size int // bytes of texts and bytes in the batch under construction
	full []arrow.RecordBatch
}

// batchBytes is the size at which a batch ends. A column holds less than 2 GiB, which the layouts of some thousand blocks
// can fill.
const batchBytes = 32 << 20

func newBatchBuilder(v *view) *batchBuilder {
	return &batchBuilder{b: array.NewRecordBuilder(memory.DefaultAllocator, v.batchSchema())}
}

func (b *batchBuilder) next() array.Builder {
	if b.col == b.b.Schema().NumFields() {
		b.col = 0
		if b.size >= batchBytes {
			b.full, b.size = append(b.full, b.b.NewRecordBatch()), 0
		}
	}
	f := b.b.Field(b.col)
	b.col++
	return f
}

func (b *batchBuilder) text(s string) {
	b.next().(*array.StringBuilder).Append(s)
	b.size += len(s)
}

func (b *batchBuilder) bytes(p []byte) {
	b.next().(*array.BinaryBuilder).Append(p)
	b.size += len(p)
}

func (b *batchBuilder) int64(v int64) { b.next().(*array.Int64Builder).Append(v) }
func (b *batchBuilder) int32(v int32) { b.next().(*array.Int32Builder).Append(v) }
func (b *batchBuilder) null()         { b.next().AppendNull() }
func (b *batchBuilder) time(t telemetry.Time) {
	b.next().(*array.TimestampBuilder).Append(arrow.Timestamp(t))
}

func (b *batchBuilder) tags(tags []string) {
	l := b.next().(*array.ListBuilder)
	l.Append(true)
	for _, t := range tags {
		l.ValueBuilder().(*array.StringBuilder).Append(t)
	}
}

func (b *batchBuilder) parent(id telemetry.ProcessID) {
	if id.IsZero() {
		b.null()
	} else {
		b.text(id.String())
	}
}

func (b *batchBuilder) done() []arrow.RecordBatch {
	defer b.b.Release()
	batch := b.b.NewRecordBatch()
	if batch.NumRows() == 0 {
		batch.Release()
		return b.full
	}
	return append(b.full, batch)
}

func processBatches(records []catalog.ProcessRecord) []arrow.RecordBatch {
	b := newBatchBuilder(processes)
	for i := range records {
		p := &records[i]
		b.text(p.ID.String())
		b.text(p.Exe)
		b.text(p.Username)
		b.text(p.Realname)
		b.text(p.Computer)
		b.text(p.Distro)
		b.text(p.CPUBrand)
		b.int64(p.TSCFrequency)
		b.time(p.StartTime)
		b.int64(int64(p.StartTicks))
		b.time(p.InsertTime)
		b.parent(p.Parent)
		b.bytes(encodeProperties(p.Properties))
		b.time(p.LastUpdate)
		if p.Blocks == 0 {
			b.null()
			b.null()
		} else {
			b.int64(int64(p.LastBlockEndTicks))
			b.time(p.LastBlockEndTime)
		}
		b.text(unstamped)
	}
	return b.done()
}

func streamBatches(records []catalog.StreamRecord) []arrow.RecordBatch {
	b := newBatchBuilder(streams)
	for i := range records {
		s := &records[i]
		b.text(s.ID.String())
		b.text(s.ProcessID.String())
		b.bytes(s.DependenciesMetadata)
		b.bytes(s.ObjectsMetadata)
		b.tags(s.Tags)
		b.bytes(encodeProperties(s.Properties))
		b.time(s.InsertTime)
		b.text(s.Format)
		b.time(s.LastUpdate)
		b.text(unstamped)
	}
	return b.done()
}

func blockBatches(records []catalog.PendingBlock) []arrow.RecordBatch {
	properties := map[any][]byte{}
	encoded := func(key any, m map[string]string) []byte {
		b, ok := properties[key]
		if !ok {
			b = encodeProperties(m)
			properties[key] = b
		}
		return b
	}
	b := newBatchBuilder(blocks)
	for i := range records {
		s := &records[i] // the catalog leaves out blocks without a stream or process
		b.text(s.Block.ID.String())
		b.text(s.Block.StreamID.String())
		b.text(s.Block.ProcessID.String())
		b.time(s.Block.BeginTime)
		b.int64(int64(s.Block.BeginTicks))
		b.time(s.Block.EndTime)
		b.int64(int64(s.Block.EndTicks))
		b.int32(s.Block.Objects)
		b.int64(s.Block.ObjectOffset)
		b.int64(s.Block.PayloadSize)
		b.time(s.Block.InsertTime)
		b.bytes(s.Stream.DependenciesMetadata)
		b.bytes(s.Stream.ObjectsMetadata)
		b.tags(s.Stream.Tags)
		b.bytes(encoded(s.Stream, s.Stream.Properties))
		b.time(s.Stream.InsertTime)
		b.text(s.Stream.Format)
		b.time(s.Process.StartTime)
		b.int64(int64(s.Process.StartTicks))
		b.int64(s.Process.TSCFrequency)
		b.text(s.Process.Exe)
		b.text(s.Process.Username)
		b.text(s.Process.Realname)
		b.text(s.Process.Computer)
		b.text(s.Process.Distro)
		b.text(s.Process.CPUBrand)
		b.time(s.Process.InsertTime)
		b.parent(s.Process.Parent)
		b.bytes(encoded(s.Process, s.Process.Properties))
		b.text(unstamped)
	}
	return b.done()
}
