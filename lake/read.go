package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Read returns the rows of t without an engine: with the columns of Schema in plain types, in no order, before Filter. A
// batch is valid until the next. It cannot read tables whose rows are made by aggregating.
func (t *Table) Read(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, b := range t.Batches {
			if !yield(b, nil) {
				return
			}
		}
		files, change := t.Files, func(b arrow.RecordBatch) arrow.RecordBatch { b.Retain(); return b }
		var err error
		if t.Query != "" {
			if t.times == nil {
				yield(nil, errors.New("the table is made by the engine"))
				return
			}
			files = t.Sources[0]
			if change, err = t.timed(ctx); err != nil {
				yield(nil, err)
				return
			}
		}
		for _, path := range files {
			for b, err := range readParquet(ctx, path) {
				if err != nil {
					yield(nil, err)
					return
				}
				b = change(b)
				more := yield(b, nil)
				b.Release()
				if !more {
					return
				}
			}
		}
	}
}

// readParquet returns the rows of a file. A batch is valid until the next.
func readParquet(ctx context.Context, path string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		in, err := file.OpenParquetFile(path, false, file.WithReadProps(parquet.NewReaderProperties(memory.DefaultAllocator)))
		if err != nil {
			yield(nil, fmt.Errorf("read rows: %w", err))
			return
		}
		defer in.Close()
		r, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: mergeBatch}, memory.DefaultAllocator)
		if err != nil {
			yield(nil, fmt.Errorf("read rows: %w", err))
			return
		}
		// A batch is of one row group, which bounds its bytes.
		for group := range in.NumRowGroups() {
			more, err := readGroup(ctx, r, group, yield)
			if err != nil {
				yield(nil, fmt.Errorf("read rows: %w", err))
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// readGroup yields the rows of a row group, and reports whether more are wanted.
func readGroup(ctx context.Context, r *pqarrow.FileReader, group int, yield func(arrow.RecordBatch, error) bool) (bool, error) {
	batches, err := r.GetRecordReader(ctx, nil, []int{group})
	if err != nil {
		return false, err
	}
	defer batches.Release()
	for batches.Next() {
		if !yield(batches.RecordBatch(), nil) {
			return false, nil
		}
	}
	return true, batches.Err()
}

// timed returns what makes t's rows of those of its chunks.
func (t *Table) timed(ctx context.Context) (func(arrow.RecordBatch) arrow.RecordBatch, error) {
	links := map[int64]segmentLink{}
	if len(t.Sources) > 1 {
		for _, path := range t.Sources[1] {
			for b, err := range readParquet(ctx, path) {
				if err != nil {
					return nil, err
				}
				for i := range int(b.NumRows()) {
					l := segmentLink{int64At(b, 0, i), int64At(b, 1, i), int64At(b, 2, i)}
					links[l.segment] = l
				}
			}
		}
	}
	return func(b arrow.RecordBatch) arrow.RecordBatch {
		columns := make([]arrow.Array, t.Schema.NumFields())
		for i, f := range t.Schema.Fields() {
			switch at := b.Schema().FieldIndices(f.Name); {
			case f.Name == "duration":
				columns[i] = t.durations(b)
			case f.Type.ID() == arrow.TIMESTAMP && b.Column(at[0]).DataType().ID() == arrow.INT64:
				columns[i] = t.timesOf(b.Column(at[0]).(*array.Int64))
			case len(links) > 0 && f.Name == "parent":
				columns[i] = parents(b, links)
			case len(links) > 0 && f.Name == "depth":
				columns[i] = depths(b, links)
			default:
				columns[i] = b.Column(at[0])
				columns[i].Retain()
			}
		}
		schema := slices.Clone(t.Schema.Fields())
		for i := range schema {
			schema[i].Type = columns[i].DataType()
		}
		made := array.NewRecordBatch(arrow.NewSchema(schema, nil), columns, b.NumRows())
		for _, c := range columns {
			c.Release()
		}
		return made
	}, nil
}

func int64At(b arrow.RecordBatch, column, row int) int64 {
	return b.Column(column).(*array.Int64).Value(row)
}

func int64Column(b arrow.RecordBatch, name string) *array.Int64 {
	return b.Column(b.Schema().FieldIndices(name)[0]).(*array.Int64)
}

func (t *Table) timesOf(ticks *array.Int64) arrow.Array {
	b := array.NewTimestampBuilder(memory.DefaultAllocator, typeTimeNZ.(*arrow.TimestampType))
	defer b.Release()
	for _, v := range ticks.Int64Values() {
		b.Append(arrow.Timestamp(t.times.Time(telemetry.Ticks(v))))
	}
	return b.NewArray()
}

func (t *Table) durations(of arrow.RecordBatch) arrow.Array {
	begin, end := int64Column(of, "begin"), int64Column(of, "end")
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range int(of.NumRows()) {
		b.Append(int64(t.times.Time(telemetry.Ticks(end.Value(i))) - t.times.Time(telemetry.Ticks(begin.Value(i)))))
	}
	return b.NewArray()
}

func parents(of arrow.RecordBatch, links map[int64]segmentLink) arrow.Array {
	segment, parent := int64Column(of, "segment"), int64Column(of, "parent")
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range int(of.NumRows()) {
		if v := parent.Value(i); v != ofSegment {
			b.Append(v)
		} else {
			b.Append(links[segment.Value(i)].parent)
		}
	}
	return b.NewArray()
}

func depths(of arrow.RecordBatch, links map[int64]segmentLink) arrow.Array {
	segment, depth := int64Column(of, "segment"), int64Column(of, "depth")
	b := array.NewUint32Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range int(of.NumRows()) {
		b.Append(uint32(depth.Value(i) + links[segment.Value(i)].depth))
	}
	return b.NewArray()
}
