package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// rebuildBlocks is how many blocks of a partition are in memory at a time.
const rebuildBlocks = 1024

// rebuild makes a partition anew from its blocks, with the schema and the decoding of today. It changes nothing unless
// every block can be decoded: what an old partition still shows is not given up for less.
func (l *Lake) rebuild(ctx context.Context, old *catalog.Partition) (*catalog.Partition, error) {
	l.oneFile.Lock()
	defer l.oneFile.Unlock()
	if err := l.catalog.TakePartition(ctx, l.owner, old.ID, l.maintain.Lease, true); err != nil {
		return nil, err
	}
	p := &catalog.Partition{
		ID: uuid.Must(uuid.NewV7()), View: old.View, Schema: materialised(old.View).version, Level: old.Level, Created: l.clock(),
	}
	err := l.holding(ctx, old.ID, func(ctx context.Context) error { return l.rebuildClaimed(ctx, old, p) })
	if err != nil {
		return nil, l.giveBack(ctx, old.ID, err)
	}
	return p, nil
}

// holding does work on a claimed partition and keeps the claim meanwhile.
func (l *Lake) holding(ctx context.Context, partition catalog.PartitionID, work func(context.Context) error) error {
	working, stop := l.keepClaim(ctx, func(ctx context.Context) error {
		return l.catalog.RenewPartitions(ctx, l.owner, []catalog.PartitionID{partition}, l.maintain.Lease)
	})
	defer stop()
	err := work(working)
	if err != nil && errors.Is(context.Cause(working), catalog.ErrLostClaim) {
		return context.Cause(working)
	}
	return err
}

// giveBack releases a partition after err.
func (l *Lake) giveBack(ctx context.Context, partition catalog.PartitionID, err error) error {
	ctx = context.WithoutCancel(ctx)
	return errors.Join(err, l.catalog.ReleasePartitions(ctx, l.owner, []catalog.PartitionID{partition}))
}

func (l *Lake) rebuildClaimed(ctx context.Context, old, p *catalog.Partition) error {
	out, err := l.decodeMembers(ctx, old)
	if err != nil {
		return err
	}
	if out.rows > 0 {
		if err := l.store(ctx, out, p); err != nil {
			return err
		}
	} else {
		out.abandon()
	}
	return l.commitFile(ctx, p.File, func(ctx context.Context) error {
		return l.catalog.ReplacePartitions(ctx, l.owner, []catalog.PartitionID{old.ID}, *p)
	})
}

// decodeMembers writes the rows of the members of a partition into one sorted file, by way of several when they are many.
func (l *Lake) decodeMembers(ctx context.Context, p *catalog.Partition) (*parquetFile, error) {
	v := materialised(p.View)
	runs := &sortedRuns{lake: l, view: v, maker: newMaker(v)}
	defer runs.remove()
	for after := int64(0); ; {
		var blocks []catalog.PendingBlock
		err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
			blocks, after, err = r.MemberBlocks(ctx, *p, after, rebuildBlocks)
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range blocks {
			if err := runs.add(ctx, &blocks[i]); err != nil {
				return nil, err
			}
		}
		if after == 0 {
			return runs.merged(ctx)
		}
	}
}

// sortedRuns collects the rows of blocks in sorted files of this node.
type sortedRuns struct {
	lake  *Lake
	view  *view
	maker maker
	files []run
}

// run is a sorted file.
type run struct {
	file *localFile
	rows int64
}

func (s *sortedRuns) add(ctx context.Context, b *catalog.PendingBlock) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Stream == nil || b.Process == nil {
		return fmt.Errorf("block %s: its stream or process is not known any more", b.Block.ID)
	}
	if _, err := s.lake.addWhole(ctx, s.maker, b); err != nil {
		return err
	}
	if s.maker.collected().bytes() < partitionBytes {
		return nil
	}
	out, err := createFile(s.lake.cache.temp(), s.view, passing)
	if err != nil {
		return err
	}
	s.maker.collected().sort()
	if err := out.write(s.maker.collected()); err != nil {
		out.abandon()
		return err
	}
	size, err := out.close()
	if err != nil {
		return err
	}
	s.files = append(s.files, run{s.lake.cache.adopt(out.path, size), out.rows})
	return nil
}

// merged returns the file with the rows of all runs and of those that are in memory still.
func (s *sortedRuns) merged(ctx context.Context) (*parquetFile, error) {
	rest := s.maker.collected()
	rest.sort()
	if len(s.files) == 0 {
		out, err := createFile(s.lake.cache.temp(), s.view, lasting)
		if err != nil {
			return nil, err
		}
		if err := out.write(rest); err != nil {
			out.abandon()
			return nil, err
		}
		return out, nil
	}
	if rest.len() > 0 {
		out, err := createFile(s.lake.cache.temp(), s.view, passing)
		if err != nil {
			return nil, err
		}
		if err := out.write(rest); err != nil {
			out.abandon()
			return nil, err
		}
		size, err := out.close()
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, run{s.lake.cache.adopt(out.path, size), out.rows})
	}
	inputs, err := s.cursors(ctx)
	if err != nil {
		return nil, err
	}
	return s.lake.mergeSorted(ctx, s.view, inputs, nil)
}

func (s *sortedRuns) remove() {
	for _, f := range s.files {
		f.file.release()
	}
}

// cursors opens the files of the runs.
func (s *sortedRuns) cursors(ctx context.Context) (cursors, error) {
	var list cursors
	for i, f := range s.files {
		f.file.hold()
		c, err := openCursor(ctx, s.view, f.file)
		if err != nil {
			f.file.release()
			list.close()
			return nil, err
		}
		c.number, c.partition = i, &catalog.Partition{View: catalog.View(s.view.name), Rows: f.rows}
		list = append(list, c)
	}
	return list, nil
}

func (h cursors) close() {
	for _, c := range h {
		c.close()
	}
}

// mergeSorted writes the rows of sorted files into one, without those that leave takes out.
func (l *Lake) mergeSorted(ctx context.Context, v *view, inputs cursors, leave func(*cursor) bool) (*parquetFile, error) {
	defer func() { inputs.close() }() // those that are left
	out, err := createFile(l.cache.temp(), v, lasting)
	if err != nil {
		return nil, err
	}
	if err := mergeCursorsWithout(ctx, &inputs, newRows(v), out, leave); err != nil {
		out.abandon()
		return nil, err
	}
	return out, nil
}

// without makes a partition anew without the rows of some of its blocks, which are dropped. The partition must be claimed.
func (l *Lake) without(ctx context.Context, old *catalog.Partition, drop []telemetry.BlockID, all bool) error {
	p := catalog.Partition{
		ID: uuid.Must(uuid.NewV7()), View: old.View, Schema: old.Schema, Level: old.Level, Created: l.clock(),
	}
	if !all && old.Rows > 0 {
		out, err := l.leaveOut(ctx, old, drop)
		if err != nil {
			return err
		}
		p.Schema = out.view.version
		if out.rows > 0 {
			if err := l.store(ctx, out, &p); err != nil {
				return err
			}
		} else {
			out.abandon()
		}
	}
	return l.commitFile(ctx, p.File, func(ctx context.Context) error {
		return l.catalog.RewritePartition(ctx, l.owner, old.ID, p, drop)
	})
}

// leaveOut writes the rows of a partition that are not of the blocks in drop.
func (l *Lake) leaveOut(ctx context.Context, old *catalog.Partition, drop []telemetry.BlockID) (*parquetFile, error) {
	v := materialised(old.View)
	c, err := l.source(ctx, v, old)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, sourceError(ctx, old, fmt.Errorf("it has no rows, but %d were recorded", old.Rows))
	}
	c.partition = old
	gone := make(map[string]bool, len(drop))
	for _, id := range drop {
		gone[id.String()] = true
	}
	column := v.schema.FieldIndices("block_id")[0]
	return l.mergeSorted(ctx, v, cursors{c}, func(c *cursor) bool { return gone[textAt(c.cols[column], c.row)] })
}
