package lake

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/micromegas-go/micromegas/catalog"
)

// addition is a column that the first files of a view did not have.
type addition struct {
	column string
	since  int    // files of this version of the schema have it
	text   string // what rows of older files have in it; numbers are 0
}

// isOld reports whether the file of p has to be brought to today's form before anybody reads it. Files of a newer program
// have all that this one asks for: columns are never taken away.
func (v *view) isOld(p *catalog.Partition) bool { return p.Schema < v.version }

// canUpgrade reports whether rows of files of an older version can be brought to today's form without their blocks.
func (v *view) canUpgrade(version int) bool { return version >= v.oldest }

// upgraded returns a file, held, with the rows of p in today's form, made from its file, which it releases. It is kept like
// one that was fetched, until maintenance has rewritten the partition.
func (l *Lake) upgraded(ctx context.Context, v *view, p *catalog.Partition, old *localFile) (*localFile, error) {
	defer old.release()
	return l.cache.get(ctx, fmt.Sprintf("%s@%d", p.File, v.version), func(ctx context.Context, path string) (int64, error) {
		out, err := createFile(path, v, passing)
		if err != nil {
			return 0, err
		}
		if err := v.upgrade(ctx, p, old.path, out); err != nil {
			out.abandon()
			return 0, err
		}
		return out.close()
	})
}

// upgrade writes the rows of an older file, which find their columns by field id. What cannot be read so is an *outdatedError, or
// a *brokenError when nobody knows whether the file is what was written.
func (v *view) upgrade(ctx context.Context, p *catalog.Partition, path string, out *parquetFile) error {
	unread := func(err error) error {
		switch {
		case ctx.Err() != nil:
			return err
		case p.Checksum == 0:
			return &brokenError{*p, err}
		default:
			return &outdatedError{*p, err}
		}
	}
	in, err := openParquet(path)
	if err != nil {
		return unread(err)
	}
	defer in.Close()
	reader, from, err := v.readOld(ctx, in)
	if err != nil {
		return unread(err)
	}
	defer reader.Release()
	rows := newRows(v)
	for reader.Next() {
		v.appendOld(rows, reader.RecordBatch(), from)
		if rows.full() {
			if err := out.write(rows); err != nil {
				return err
			}
		}
	}
	if err := reader.Err(); err != nil {
		return unread(err)
	}
	if err := out.write(rows); err != nil {
		return err
	}
	if out.rows != p.Rows {
		return unread(fmt.Errorf("it has %d rows, but %d were recorded", out.rows, p.Rows))
	}
	return nil
}

// readOld returns a reader of an older file, and for each column of the view the number of the one in the file, -1 for none.
func (v *view) readOld(ctx context.Context, in *file.Reader) (pqarrow.RecordReader, []int, error) {
	props := pqarrow.ArrowReadProperties{BatchSize: batchRows(in)}
	byID := map[int]int{}
	columns := in.MetaData().Schema
	for i := range columns.NumColumns() {
		byID[int(columns.Column(i).SchemaNode().FieldID())] = i
	}
	from := make([]int, v.schema.NumFields())
	for i, f := range v.schema.Fields() {
		column, ok := byID[i+1]
		switch {
		case ok && f.Type.ID() == arrow.DICTIONARY:
			props.SetReadDict(column, true)
		case !ok && v.addition(f.Name) == nil:
			return nil, nil, fmt.Errorf("it has no column %s (field %d)", f.Name, i+1)
		case !ok:
			column = -1
		}
		from[i] = column
	}
	r, err := pqarrow.NewFileReader(in, props, memory.DefaultAllocator)
	if err != nil {
		return nil, nil, err
	}
	reader, err := r.GetRecordReader(ctx, nil, nil)
	return reader, from, err
}

// appendOld adds the rows of a batch, whose columns are numbered by from.
func (v *view) appendOld(rows *rows, batch arrow.RecordBatch, from []int) {
	for i, column := range rows.cols {
		if from[i] < 0 {
			a := v.addition(v.schema.Field(i).Name)
			for range batch.NumRows() {
				appendConstant(column, a.text)
			}
			continue
		}
		src := batch.Column(from[i])
		for row := range int(batch.NumRows()) {
			column.appendFrom(src, row, 0)
		}
	}
}

func appendConstant(c column, text string) {
	switch c := c.(type) {
	case interface{ add(string) }:
		c.add(text)
	case *numbers[int32]:
		c.add(0)
	case *numbers[uint32]:
		c.add(0)
	case *numbers[int64]:
		c.add(0)
	case *numbers[float64]:
		c.add(0)
	default:
		panic(fmt.Sprintf("lake: no constant for %T", c))
	}
}

func (v *view) addition(column string) *addition {
	for i := range v.added {
		if v.added[i].column == column {
			return &v.added[i]
		}
	}
	return nil
}

// openParquet opens a file so that its pages are read as they are needed, not whole columns at once. Closing it closes the
// file.
func openParquet(path string) (*file.Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	pages := parquet.NewReaderProperties(memory.DefaultAllocator)
	pages.BufferedStreamEnabled = true
	in, err := file.NewParquetReader(f, file.WithReadProps(pages))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return in, nil
}

// upgradeAll rewrites the partitions whose files are of an older form, one after the other, whatever their level. Queries do
// not wait for it.
func (l *Lake) upgradeAll(ctx context.Context) error {
	var errs []error
	for _, name := range catalog.Views() {
		v := materialised(name)
		for ctx.Err() == nil {
			done, err := l.upgradeOne(ctx, v, name)
			if err != nil {
				errs = append(errs, err)
			}
			if !done || err != nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (l *Lake) upgradeOne(ctx context.Context, v *view, name catalog.View) (bool, error) {
	claim := l.mergeClaim(name, 0)
	claim.MinFiles, claim.MaxFiles, claim.MaxBytes, claim.MaxFileBytes, claim.BelowSchema = 1, 1, 0, 0, v.version
	var due bool
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		due, err = r.AnyBelowSchema(ctx, claim)
		return err
	})
	if err != nil || !due {
		return false, err
	}
	return l.rewrite(ctx, name, claim, 0)
}
