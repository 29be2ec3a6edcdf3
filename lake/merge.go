package lake

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
)

const (
	// levels is how many times rows are merged at most; a partition that is large enough goes there at once.
	levels = 4
	// mergeBatch is how many rows of each input are in memory at most, and mergeBytes about how much they take.
	mergeBatch = 8 << 10
	mergeBytes = 4 << 20
)

// mergeAll merges partitions of all views and levels as long as there is something to merge.
func (l *Lake) mergeAll(ctx context.Context) error {
	var errs []error
	for _, v := range catalog.Views() {
		for level := range levels {
			for ctx.Err() == nil {
				began := time.Now()
				merged, err := l.merge(ctx, v, level)
				if err != nil {
					errs = append(errs, err)
				}
				if !merged || err != nil {
					break
				}
				l.giveWay(ctx, time.Since(began))
			}
		}
	}
	return errors.Join(errs...)
}

// merge puts the rows of several partitions of one level into one of the next. It reports whether there were any.
func (l *Lake) merge(ctx context.Context, name catalog.View, level int) (bool, error) {
	l.oneFile.Lock()
	defer l.oneFile.Unlock()
	old, err := l.catalog.ClaimPartitions(ctx, catalog.ClaimPartitions{
		View: name, Level: level, MinFiles: l.maintain.MergeFiles, MaxFiles: 2 * l.maintain.MergeFiles,
		MaxBytes: l.maintain.FileBytes, Owner: l.owner, Lease: l.maintain.Lease,
	})
	if err != nil || len(old) == 0 {
		return false, err
	}
	ids := make([]catalog.PartitionID, len(old))
	for i := range old {
		ids[i] = old[i].ID
	}
	err = l.mergeClaimed(ctx, name, level, old, ids)
	if err != nil {
		if errors.Is(err, catalog.ErrLostClaim) {
			l.log.InfoContext(ctx, "merged partition thrown away: sources of it were claimed by another", "view", string(name))
			err = nil
		}
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return true, errors.Join(err, l.catalog.ReleasePartitions(release, l.owner, ids))
	}
	return true, nil
}

func (l *Lake) mergeClaimed(ctx context.Context, name catalog.View, level int, old []catalog.Partition, ids []catalog.PartitionID) error {
	v := materialised(name)
	p := catalog.Partition{
		ID: uuid.Must(uuid.NewV7()), View: name, Schema: v.version, Level: level + 1, Created: l.clock(),
	}
	out, err := l.mergeFiles(ctx, v, old)
	if err != nil {
		return err
	}
	if out.rows > 0 {
		if err := l.store(ctx, out, &p); err != nil {
			return err
		}
	} else {
		out.abandon()
	}
	if p.Size >= l.maintain.FileBytes/2 {
		p.Level = levels
	}
	return l.commitFile(ctx, p.File, func(ctx context.Context) error {
		return l.catalog.ReplacePartitions(ctx, l.owner, ids, p)
	})
}

// mergeFiles writes the rows of old partitions, each sorted, into one sorted file.
func (l *Lake) mergeFiles(ctx context.Context, v *view, old []catalog.Partition) (*parquetFile, error) {
	var inputs cursors
	defer func() {
		for _, c := range inputs {
			c.close()
		}
	}()
	var want int64
	for i := range old {
		want += old[i].Rows
		local, err := l.partition(ctx, &old[i])
		if err != nil {
			return nil, err
		}
		if local == nil {
			continue
		}
		c, err := openCursor(ctx, v, local)
		if err != nil {
			local.release()
			return nil, fmt.Errorf("read partition %s: %w", old[i].ID, err)
		}
		if c != nil {
			c.number = i
			inputs = append(inputs, c)
		}
	}
	out, err := createFile(l.cache.temp(), v, lasting)
	if err != nil {
		return nil, err
	}
	err = mergeCursors(ctx, &inputs, newRows(v), out)
	if err == nil && out.rows != want {
		err = fmt.Errorf("merge partitions of %s: they have %d rows, but %d were recorded", v.name, out.rows, want)
	}
	if err != nil {
		out.abandon()
		return nil, err
	}
	return out, nil
}

func mergeCursors(ctx context.Context, inputs *cursors, rows *rows, out *parquetFile) error {
	heap.Init(inputs)
	for inputs.Len() > 0 {
		c := (*inputs)[0]
		for i, col := range rows.cols {
			col.appendFrom(c.cols[i], c.row, c.number)
		}
		more, err := c.next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(inputs, 0)
		} else {
			heap.Pop(inputs).(*cursor).close()
		}
		if rows.full() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := out.write(rows); err != nil {
				return err
			}
		}
	}
	return out.write(rows)
}

// cursor stands on a row of a sorted file.
type cursor struct {
	number int // among the inputs of the merge
	local  *localFile
	in     *file.Reader
	reader pqarrow.RecordReader
	batch  arrow.RecordBatch
	cols   []arrow.Array
	keys   []key
	row    int
}

// key reads a column of the sort order.
type key struct {
	col  int
	text bool
}

// openCursor returns a cursor on the first row; nil for an empty file. It takes over local.
func openCursor(ctx context.Context, v *view, local *localFile) (*cursor, error) {
	f, err := os.Open(local.path)
	if err != nil {
		return nil, err
	}
	pages := parquet.NewReaderProperties(memory.DefaultAllocator)
	pages.BufferedStreamEnabled = true // read pages as they are needed, not whole columns at once
	in, err := file.NewParquetReader(f, file.WithReadProps(pages))
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	props := pqarrow.ArrowReadProperties{BatchSize: batchRows(in)}
	for i, field := range v.schema.Fields() {
		if field.Type.ID() == arrow.DICTIONARY {
			props.SetReadDict(i, true)
		}
	}
	r, err := pqarrow.NewFileReader(in, props, memory.DefaultAllocator)
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	c := &cursor{local: local, in: in}
	if c.reader, err = r.GetRecordReader(ctx, nil, nil); err != nil {
		_ = in.Close()
		return nil, err
	}
	for _, name := range v.sorted {
		i := v.schema.FieldIndices(name)[0]
		c.keys = append(c.keys, key{col: i, text: v.schema.Field(i).Type.ID() == arrow.DICTIONARY})
	}
	c.row = -1
	more, err := c.next()
	if err != nil || !more {
		c.local = nil
		c.close()
		if err == nil {
			local.release()
		}
		return nil, err
	}
	return c, nil
}

// batchRows returns how many rows of a file to read at a time.
func batchRows(in *file.Reader) int64 {
	size := int64(0)
	for i := range in.NumRowGroups() {
		size += in.MetaData().RowGroup(i).TotalByteSize()
	}
	return min(max(in.NumRows()*mergeBytes/max(size, 1), 1), mergeBatch)
}

// next moves to the next row; false at the end.
func (c *cursor) next() (bool, error) {
	c.row++
	for c.batch == nil || c.row >= int(c.batch.NumRows()) {
		if !c.reader.Next() {
			return false, c.reader.Err()
		}
		c.batch, c.row = c.reader.RecordBatch(), 0 // valid until the next call
		c.cols = c.batch.Columns()
	}
	return true, nil
}

func (c *cursor) close() {
	c.reader.Release()
	_ = c.in.Close()
	if c.local != nil {
		c.local.release()
	}
}

// cursors is a heap: the cursor on the smallest row comes first.
type cursors []*cursor

func (h cursors) Len() int      { return len(h) }
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any)   { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	*h = (*h)[:last]
	return c
}

func (h cursors) Less(i, j int) bool {
	a, b := h[i], h[j]
	for _, k := range a.keys {
		if k.text {
			if d := strings.Compare(textAt(a.cols[k.col], a.row), textAt(b.cols[k.col], b.row)); d != 0 {
				return d < 0
			}
			continue
		}
		x, y := a.cols[k.col].(*array.Timestamp).Value(a.row), b.cols[k.col].(*array.Timestamp).Value(b.row)
		if x != y {
			return x < y
		}
	}
	return false
}

func textAt(a arrow.Array, row int) string {
	if d, ok := a.(*array.Dictionary); ok {
		return valueString(d.Dictionary(), d.GetValueIndex(row))
	}
	return valueString(a, row)
}
