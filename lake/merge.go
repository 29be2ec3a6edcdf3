package lake

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
)

const (
	// levels is how many times rows are merged at most, unless their partition is large enough before. With eight files to a
	// merge that many levels hold centuries of an idle trickle.
	levels = 9
	// mergeBatch is how many rows of each input are in memory at most, and mergeBytes about how much they take.
	mergeBatch = 8 << 10
	mergeBytes = 4 << 20
)

// mergeAll merges partitions of all views and levels as long as there is something to merge. It looks first, so that an idle
// lake is not written to.
func (l *Lake) mergeAll(ctx context.Context) error {
	var errs []error
	for _, v := range catalog.Views() {
		failed := map[int]bool{}
		for ctx.Err() == nil {
			level, err := l.mergeable(ctx, v, failed)
			if err != nil {
				errs = append(errs, err)
			}
			if err != nil || level < 0 {
				break
			}
			began := time.Now()
			merged, err := l.merge(ctx, v, level)
			if err != nil {
				errs = append(errs, err)
			}
			failed[level] = !merged || err != nil
			l.giveWay(ctx, time.Since(began))
		}
	}
	return errors.Join(errs...)
}

// mergeable returns the lowest level of a view that has enough to merge and is not among those to leave alone; -1 for none.
func (l *Lake) mergeable(ctx context.Context, v catalog.View, without map[int]bool) (int, error) {
	found := -1
	err := l.catalog.Read(ctx, func(r *catalog.Reader) error {
		list, err := r.Levels(ctx, l.mergeClaim(v, levels))
		for _, level := range list {
			enough := level.Files >= int64(l.maintain.MergeFiles) || level.Files > 1 && level.Bytes > l.maintain.FileBytes/2
			if enough && !without[level.Level] {
				found = level.Level
				break
			}
		}
		return err
	})
	return found, err
}

// mergeClaim is what a merge of a level claims: together they are more than half the size at which a file is large enough,
// and none of them is that large, so that the result is never too large.
func (l *Lake) mergeClaim(v catalog.View, level int) catalog.ClaimPartitions {
	m := &l.maintain
	return catalog.ClaimPartitions{
		View: v, Level: level, MinFiles: m.MergeFiles, MaxFiles: 2 * m.MergeFiles, MaxBytes: m.FileBytes / 2,
		MaxFileBytes: m.FileBytes / 2, MaxAttempts: m.QuarantineAfter, Owner: l.owner, Lease: m.Lease,
	}
}

// merge puts the rows of several partitions of one level into one of the next. It reports whether there were any. Those whose
// files are broken are set aside, one that cannot be merged for another reason waits, and the others are merged next time.
func (l *Lake) merge(ctx context.Context, name catalog.View, level int) (bool, error) {
	return l.rewrite(ctx, name, l.mergeClaim(name, level), 1)
}

// rewrite claims partitions and puts their rows into one of a level that is higher by up.
func (l *Lake) rewrite(ctx context.Context, name catalog.View, claim catalog.ClaimPartitions, up int) (bool, error) {
	l.oneFile.Lock()
	defer l.oneFile.Unlock()
	old, err := l.catalog.ClaimPartitions(ctx, claim)
	if err != nil || len(old) == 0 {
		return false, err
	}
	ids := make([]catalog.PartitionID, len(old))
	for i := range old {
		ids[i] = old[i].ID
	}
	working, stop := l.keepClaim(ctx, func(ctx context.Context) error {
		return l.catalog.RenewPartitions(ctx, l.owner, ids, l.maintain.Lease)
	})
	err = l.mergeClaimed(working, name, old[0].Level+up, old, ids)
	if err != nil && errors.Is(context.Cause(working), catalog.ErrLostClaim) {
		err = context.Cause(working)
	}
	stop()
	if err == nil {
		return true, nil
	}
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = l.mergeFailed(settle, name, err)
	return true, errors.Join(err, l.catalog.ReleasePartitions(settle, l.owner, ids))
}

// mergeFailed deals with what is wrong with the sources of a merge; what is wrong with anything else it returns.
func (l *Lake) mergeFailed(ctx context.Context, name catalog.View, err error) error {
	if errors.Is(err, catalog.ErrLostClaim) {
		l.log.InfoContext(ctx, "merged partition thrown away: sources of it were claimed by another", "view", string(name))
		return nil
	}
	unmerged, ok := errors.AsType[*mergeError](err)
	if !ok {
		return l.takeBack(ctx, err)
	}
	p := unmerged.partition
	pause := l.maintain.retryAfter(p.Attempts + 1)
	l.log.ErrorContext(ctx, "partition cannot be merged; it stays as it is", "view", string(name), "partition_id", p.ID, "file", p.File,
		"attempt", p.Attempts+1, "again_after_ms", pause.Milliseconds(), "err", err)
	if err := l.catalog.FailPartition(ctx, l.owner, p.ID, pause); err != nil && !errors.Is(err, catalog.ErrLostClaim) {
		return err
	}
	return nil
}

// mergeError says that the rows of a partition cannot be read although its file is what was recorded.
type mergeError struct {
	partition *catalog.Partition
	err       error
}

func (e *mergeError) Error() string { return fmt.Sprintf("partition %s: %v", e.partition.ID, e.err) }
func (e *mergeError) Unwrap() error { return e.err }

// sourceError classifies an error of reading the rows of p. Without a checksum nobody can say that the file is what it was.
func sourceError(ctx context.Context, p *catalog.Partition, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case p.Checksum == 0:
		return &brokenError{*p, err}
	default:
		return &mergeError{p, err}
	}
}

func (l *Lake) mergeClaimed(ctx context.Context, name catalog.View, level int, old []catalog.Partition, ids []catalog.PartitionID) error {
	v := materialised(name)
	p := catalog.Partition{
		ID: uuid.Must(uuid.NewV7()), View: name, Schema: v.version, Level: min(level, levels), Created: l.clock(),
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
	return l.commitFile(ctx, p.File, func(ctx context.Context) error {
		return l.catalog.ReplacePartitions(ctx, l.owner, ids, p)
	})
}

// source returns a cursor on the rows of p; nil when it has none. The file is checked from end to end first: what is merged
// must not be damage that happens to be readable.
func (l *Lake) source(ctx context.Context, v *view, p *catalog.Partition) (*cursor, error) {
	local, err := l.partition(ctx, p)
	if err != nil || local == nil {
		return nil, err
	}
	if err := l.checkSource(ctx, p, local); err != nil {
		local.release()
		return nil, err
	}
	c, err := openCursor(ctx, v, local)
	if err != nil {
		local.release()
		return nil, sourceError(ctx, p, err)
	}
	return c, nil
}

func (l *Lake) checkSource(ctx context.Context, p *catalog.Partition, local *localFile) error {
	if local.cache != nil { // was checked when it was fetched
		return nil
	}
	if err := checkWhole(ctx, p, local.path); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &brokenError{*p, err}
	}
	return nil
}

// mergeFiles writes the rows of old partitions, each sorted, into one sorted file.
func (l *Lake) mergeFiles(ctx context.Context, v *view, old []catalog.Partition) (*parquetFile, error) {
	var inputs cursors
	defer func() {
		for _, c := range inputs {
			c.close()
		}
	}()
	for i := range old {
		c, err := l.source(ctx, v, &old[i])
		if err != nil {
			return nil, err
		}
		if c == nil && old[i].Rows > 0 {
			return nil, sourceError(ctx, &old[i], fmt.Errorf("it has no rows, but %d were recorded", old[i].Rows))
		}
		if c != nil {
			c.number, c.partition = i, &old[i]
			inputs = append(inputs, c)
		}
	}
	out, err := createFile(l.cache.temp(), v, lasting)
	if err != nil {
		return nil, err
	}
	if err := mergeCursors(ctx, &inputs, newRows(v), out); err != nil {
		out.abandon()
		return nil, err
	}
	return out, nil
}

func mergeCursors(ctx context.Context, inputs *cursors, rows *rows, out *parquetFile) error {
	return mergeCursorsWithout(ctx, inputs, rows, out, nil)
}

// mergeCursorsWithout leaves out the rows for which leave is true.
func mergeCursorsWithout(ctx context.Context, inputs *cursors, rows *rows, out *parquetFile, leave func(*cursor) bool) error {
	heap.Init(inputs)
	for inputs.Len() > 0 {
		c := (*inputs)[0]
		if leave == nil || !leave(c) {
			for i, col := range rows.cols {
				col.appendFrom(c.cols[i], c.row, c.number)
			}
		}
		c.read++
		more, err := c.next()
		if err == nil && !more && c.read != c.partition.Rows {
			err = fmt.Errorf("it has %d rows, but %d were recorded", c.read, c.partition.Rows)
		}
		if err != nil {
			return sourceError(ctx, c.partition, err)
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
	number    int // among the inputs of the merge
	partition *catalog.Partition
	read      int64 // rows that were taken from it

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
	in, err := openParquet(local.path)
	if err != nil {
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
