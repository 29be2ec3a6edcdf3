package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// recordTable makes the table of records of the catalog, filled value by value in the order of the view's columns. What fills
// one batch stays in memory; when there is more, all of it goes into a local file.
type recordTable struct {
	lake  *Lake
	view  *view
	b     *array.RecordBuilder
	col   int
	size  int // bytes in the batch under construction
	first arrow.RecordBatch
	file  *parquetFile

	properties map[any][]byte // encoded, by their owner
}

// batchBytes is the size at which a batch ends. A column holds less than 2 GiB, which the layouts of some thousand blocks
// can fill.
const batchBytes = 16 << 20

func (l *Lake) newRecordTable(v *view) *recordTable {
	return &recordTable{
		lake: l, view: v, b: array.NewRecordBuilder(memory.DefaultAllocator, v.batchSchema()), properties: map[any][]byte{},
	}
}

func (b *recordTable) next() array.Builder {
	f := b.b.Field(b.col)
	b.col++
	b.size += 8
	return f
}

// endRow is to be called after each row.
func (b *recordTable) endRow(ctx context.Context) error {
	b.col = 0
	if b.size < batchBytes {
		return nil
	}
	b.size = 0
	batch := b.b.NewRecordBatch()
	if b.first == nil && b.file == nil {
		b.first = batch
		return nil
	}
	defer batch.Release()
	return errors.Join(ctx.Err(), b.write(batch))
}

// write adds a batch to the file, and before the first one what is in memory.
func (b *recordTable) write(batch arrow.RecordBatch) error {
	if b.file == nil {
		var err error
		if b.file, err = createFileOf(b.lake.cache.temp(), b.view, b.view.batchSchema(), passing); err != nil {
			return err
		}
		err = b.file.w.Write(b.first)
		b.first.Release()
		b.first = nil
		if err != nil {
			return fmt.Errorf("write %s file: %w", b.view.name, err)
		}
	}
	if err := b.file.w.Write(batch); err != nil {
		return fmt.Errorf("write %s file: %w", b.view.name, err)
	}
	return nil
}

// finish returns the rows: batches, or a file that is held.
func (b *recordTable) finish() (batches []arrow.RecordBatch, file *localFile, err error) {
	last := b.b.NewRecordBatch()
	if b.file == nil {
		for _, batch := range []arrow.RecordBatch{b.first, last} {
			if batch != nil && batch.NumRows() > 0 {
				batches = append(batches, batch)
			}
		}
		b.first = nil
		return batches, nil, nil
	}
	defer last.Release()
	if last.NumRows() > 0 {
		if err := b.write(last); err != nil {
			return nil, nil, err
		}
	}
	out := b.file
	b.file = nil
	size, err := out.close()
	if err != nil {
		return nil, nil, err
	}
	return nil, b.lake.cache.adopt(out.path, size), nil
}

// close lets go of what finish has not handed out.
func (b *recordTable) close() {
	b.b.Release()
	if b.first != nil {
		b.first.Release()
	}
	if b.file != nil {
		b.file.abandon()
	}
}

// encoded returns properties as they are stored, made once for neighbours that share them.
func (b *recordTable) encoded(owner any, m map[string]string) []byte {
	text, ok := b.properties[owner]
	if !ok {
		if len(b.properties) > 1024 {
			clear(b.properties)
		}
		text = encodeProperties(m)
		b.properties[owner] = text
	}
	return text
}

func (b *recordTable) text(s string) {
	b.next().(*array.StringBuilder).Append(s)
	b.size += len(s)
}

func (b *recordTable) bytes(p []byte) {
	b.next().(*array.BinaryBuilder).Append(p)
	b.size += len(p)
}

func (b *recordTable) int64(v int64) { b.next().(*array.Int64Builder).Append(v) }
func (b *recordTable) int32(v int32) { b.next().(*array.Int32Builder).Append(v) }
func (b *recordTable) null()         { b.next().AppendNull() }
func (b *recordTable) time(t telemetry.Time) {
	b.next().(*array.TimestampBuilder).Append(arrow.Timestamp(t))
}

func (b *recordTable) tags(tags []string) {
	l := b.next().(*array.ListBuilder)
	l.Append(true)
	for _, t := range tags {
		l.ValueBuilder().(*array.StringBuilder).Append(t)
		b.size += len(t)
	}
}

func (b *recordTable) parent(id telemetry.ProcessID) {
	if id.IsZero() {
		b.null()
	} else {
		b.text(id.String())
	}
}

func (b *recordTable) process(p *catalog.ProcessRecord) {
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

func (b *recordTable) stream(s *catalog.StreamRecord) {
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

// block adds a block whose stream and process are known.
func (b *recordTable) block(s *catalog.PendingBlock) {
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
	b.bytes(b.encoded(s.Stream, s.Stream.Properties))
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
	b.bytes(b.encoded(s.Process, s.Process.Properties))
	b.text(unstamped)
}
