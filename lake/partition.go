package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/objstore"
)

// brokenError says that the file of a partition is not what was recorded: it is gone, or its bytes have changed. A store that
// is out of reach is another error.
type brokenError struct {
	partition catalog.Partition
	err       error
}

func (e *brokenError) Error() string {
	return fmt.Sprintf("partition %s, file %s: %v", e.partition.ID, e.partition.File, e.err)
}
func (e *brokenError) Unwrap() error { return e.err }

// partition returns the local file of p, held, in the form of today's schema; nil when it has no rows. The error is a
// *brokenError when the file is damaged as far as that can be seen without reading all of it.
func (l *Lake) partition(ctx context.Context, p *catalog.Partition) (*localFile, error) {
	if p.File == "" || p.Rows == 0 {
		return nil, nil
	}
	v := materialised(p.View)
	if !v.isOld(p) {
		return l.partitionFile(ctx, p)
	}
	if !v.canUpgrade(p.Schema) {
		return nil, &outdatedError{*p, errors.New("there is no upgrade from it")}
	}
	f, err := l.partitionFile(ctx, p)
	if err != nil {
		return nil, err
	}
	return l.upgraded(ctx, v, p, f)
}

// outdatedError says that the rows of a partition cannot be brought to today's form, but must be made from its blocks.
type outdatedError struct {
	partition catalog.Partition
	err       error
}

func (e *outdatedError) Error() string {
	return fmt.Sprintf("partition %s has version %d of the schema: %v", e.partition.ID, e.partition.Schema, e.err)
}
func (e *outdatedError) Unwrap() error { return e.err }

// takeBack makes the blocks of partitions pending again: of one that is outdated and of those that are broken.
func (l *Lake) takeBack(ctx context.Context, err error) error {
	if broken, ok := errors.AsType[*brokenError](err); ok {
		return l.setAside(ctx, broken)
	}
	outdated, ok := errors.AsType[*outdatedError](err)
	if !ok {
		return err
	}
	p := &outdated.partition
	err = l.catalog.RetirePartitions(ctx, []catalog.PartitionID{p.ID})
	if errors.Is(err, catalog.ErrNotFound) { // another process was faster
		return nil
	}
	if err != nil {
		return fmt.Errorf("retire a partition of an older schema: %w", err)
	}
	l.log.InfoContext(ctx, "partition of an older schema retired: its blocks are pending again", "view", string(p.View),
		"partition_id", p.ID, "schema_version", p.Schema, "blocks", p.Blocks, "err", outdated.err)
	return nil
}

// partitionFile returns the local file of p, held, as it was written.
func (l *Lake) partitionFile(ctx context.Context, p *catalog.Partition) (*localFile, error) {
	if local, ok := l.objects.(localObjects); ok {
		return l.inPlace(ctx, p, local)
	}
	return l.cache.get(ctx, p.File, func(ctx context.Context, path string) (int64, error) { return l.fetch(ctx, p, path) })
}

// inPlace returns the file of p where the object store has it.
func (l *Lake) inPlace(ctx context.Context, p *catalog.Partition, local localObjects) (*localFile, error) {
	path, err := local.Path(p.File)
	if err != nil {
		return nil, fmt.Errorf("partition %s: %w", p.ID, err)
	}
	info, err := l.objects.Stat(ctx, p.File)
	switch {
	case errors.Is(err, objstore.ErrNotFound):
		return nil, &brokenError{*p, err}
	case err != nil:
		return nil, storeFault(ctx, err)
	case info.Size != p.Size:
		return nil, &brokenError{*p, fmt.Errorf("it has %d bytes, not %d", info.Size, p.Size)}
	}
	if !l.sound.has(p.File) {
		if err := checkEnds(path); err != nil {
			return nil, &brokenError{*p, err}
		}
		l.sound.add(p.File)
	}
	return &localFile{path: path, size: p.Size}, nil
}

// fetch copies the file of p from the object store to path. What does not have the recorded checksum is read once more: the
// bytes may have changed on their way.
func (l *Lake) fetch(ctx context.Context, p *catalog.Partition, path string) (int64, error) {
	var damage error
	for range 2 {
		data, err := l.objects.Get(ctx, p.File)
		if errors.Is(err, objstore.ErrNotFound) {
			return 0, &brokenError{*p, err}
		}
		if err != nil {
			return 0, fmt.Errorf("fetch partition %s: %w", p.ID, storeFault(ctx, err))
		}
		if damage = compare(p, checksum(data)); damage == nil && int64(len(data)) != p.Size {
			damage = fmt.Errorf("it has %d bytes, not %d", len(data), p.Size)
		}
		if damage == nil {
			return writeFile(path, data)
		}
	}
	return 0, &brokenError{*p, damage}
}

// setAside takes a partition with a broken file back: its blocks are pending again, so that queries and maintenance read them
// from their segments. The file stays for [Maintenance.KeepBroken].
func (l *Lake) setAside(ctx context.Context, b *brokenError) error {
	n, err := l.catalog.ReopenPartitions(ctx, []catalog.PartitionID{b.partition.ID}, b.err.Error())
	if err != nil {
		return fmt.Errorf("set a partition aside: %w", err)
	}
	if n > 0 { // else another process was faster, or it was merged before it broke
		l.log.ErrorContext(ctx, "partition set aside: its file is broken, its blocks are pending again", "view", string(b.partition.View),
			"partition_id", b.partition.ID, "file", b.partition.File, "blocks", b.partition.Blocks, "rows", b.partition.Rows, "err", b.err)
	}
	return nil
}

// storeFault classifies an error of reading from the object store: out of reach.
func storeFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return fault.Wrap(fault.Unavailable, "the object store cannot be read now", err)
}

// isUnusable reports whether err says that a partition has to be taken back.
func isUnusable(err error) bool {
	_, broken := errors.AsType[*brokenError](err)
	_, outdated := errors.AsType[*outdatedError](err)
	return broken || outdated
}
