package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

const (
	segmentPrefix = "segments/"
	viewPrefix    = "views/"

	// partitionBytes is the size of rows in memory at which they are written: straight from blocks as a partition, else as
	// a row group.
	partitionBytes = 16 << 20
)

func (l *Lake) clock() telemetry.Time { return telemetry.TimeOf(l.now()) }

func telemetryDuration(d time.Duration) telemetry.Time { return telemetry.Time(d.Nanoseconds()) }

// materialiseDue puts the blocks of views for which it is time into partitions.
func (l *Lake) materialiseDue(ctx context.Context) error {
	var counts map[catalog.View]catalog.ViewCounts
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		counts, err = r.PendingCounts(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, v := range catalog.Views() {
		c := counts[v]
		old := c.OldestFree < l.clock()-telemetryDuration(l.maintain.PendingAge)
		if c.Free == 0 || !old && c.FreeBytes < l.maintain.PendingBytes {
			continue
		}
		for free := c.Free; free > 0 && ctx.Err() == nil; {
			began := time.Now()
			done, err := l.materialise(ctx, v) // what cannot be read is logged, and keeps nothing else waiting
			if done.last() || err != nil {
				errs = append(errs, err)
				break
			}
			free -= int64(done.claimed)
			l.giveWay(ctx, time.Since(began))
		}
	}
	return errors.Join(errs...)
}

// claimOutcome is what became of the blocks of a claim.
type claimOutcome struct {
	claimed   int
	committed int
	failed    []error // why blocks could not be decoded
	unread    []error // why payloads could not be read from a store that works otherwise
	again     bool    // all of them had failed before
}

// last reports whether another claim is of no use now: there was nothing, or nothing but what still cannot be read.
func (o claimOutcome) last() bool { return o.claimed == 0 || o.again && o.committed+len(o.failed) == 0 }

// materialise claims pending blocks of a view and puts them into partitions.
func (l *Lake) materialise(ctx context.Context, name catalog.View) (claimOutcome, error) {
	return l.materialiseClaim(ctx, catalog.ClaimPending{View: name})
}

// materialiseClaim claims pending blocks of c's view and range and puts them into partitions.
func (l *Lake) materialiseClaim(ctx context.Context, c catalog.ClaimPending) (done claimOutcome, err error) {
	l.oneFile.Lock()
	defer l.oneFile.Unlock()
	name := c.View
	c.MaxBlocks, c.MaxBytes, c.Owner, c.Lease = 4096, l.maintain.PendingBytes, l.owner, l.maintain.Lease
	claimed, err := l.catalog.ClaimPending(ctx, c)
	if err != nil || len(claimed) == 0 {
		return done, err
	}
	w := &partitionWriter{lake: l, name: name, maker: newMaker(materialised(name)), open: map[telemetry.BlockID]bool{}}
	all := make([]telemetry.BlockID, len(claimed))
	for i := range claimed {
		all[i] = claimed[i].Block.ID
		w.open[all[i]] = true
	}
	working, stop := l.keepClaim(ctx, func(ctx context.Context) error {
		err := l.catalog.RenewPending(ctx, l.owner, name, all, l.maintain.Lease)
		if errors.Is(err, catalog.ErrLostClaim) { // as it is for those that are done; the commit looks at each
			return nil
		}
		return err
	})
	err = w.run(working, claimed)
	stop()
	if len(w.open) > 0 {
		ids := make([]telemetry.BlockID, 0, len(w.open))
		for id := range w.open {
			ids = append(ids, id)
		}
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, l.catalog.ReleasePending(release, l.owner, name, ids))
	}
	return claimOutcome{len(claimed), w.done, w.failed, w.unreadErrs, claimed[0].NotBefore > 0}, err
}

// partitionWriter turns claimed blocks into partitions.
type partitionWriter struct {
	lake   *Lake
	name   catalog.View
	maker  maker
	blocks []telemetry.BlockID        // whose rows the maker holds
	open   map[telemetry.BlockID]bool // claimed, and neither committed nor failed yet
	done   int                        // blocks that were committed
	failed []error                    // why blocks could not be decoded

	unread     []telemetry.BlockID // that the store failed to read, and why
	unreadErrs []error
}

// maxUnread is how many blocks in a row the store may fail to read before it is asked whether it works at all.
const maxUnread = 3

func (w *partitionWriter) run(ctx context.Context, claimed []catalog.PendingBlock) error {
	inRow := 0
	for i := range claimed {
		b := &claimed[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		stats, err := w.lake.addWhole(ctx, w.maker, b)
		if _, bad := errors.AsType[*decodeError](err); bad {
			if err := w.fail(ctx, b, err); err != nil {
				return err
			}
			continue
		}
		if fault.KindOf(err) == fault.Unavailable {
			w.unread, w.unreadErrs = append(w.unread, b.Block.ID), append(w.unreadErrs, err)
			if inRow++; inRow < maxUnread {
				continue
			}
			inRow = 0
			if err := w.storeWorks(ctx); err != nil {
				return err
			}
			if b.NotBefore > 0 { // so have the rest failed, and may again: they get their turn when these have had theirs
				break
			}
			continue
		}
		if err != nil {
			return err
		}
		if stats.Bad > 0 {
			w.lake.log.WarnContext(ctx, "events left out: they are not well formed", "view", string(w.name),
				"block_id", b.Block.ID, "events", stats.Bad, "decoded", stats.Decoded, "first_err", stats.FirstBad)
		}
		inRow = 0
		w.blocks = append(w.blocks, b.Block.ID)
		if w.maker.collected().bytes() >= partitionBytes {
			if err := w.commit(ctx); err != nil {
				return err
			}
		}
	}
	return errors.Join(w.commit(ctx), w.putOff(ctx))
}

// storeWorks is why blocks could not be read when the store as a whole is out of reach: that is nobody's fault, and the claim
// ends. It is nil when others can be read: a bad spot of a disk, or objects that a service fails to give out, must not keep
// the rest waiting.
func (w *partitionWriter) storeWorks(ctx context.Context) error {
	if err := w.lake.objects.Check(ctx); err != nil {
		return errors.Join(append(w.unreadErrs, err)...)
	}
	return nil
}

// putOff gives back what could not be read. It is no damage, however long it lasts, and never put into quarantine, but comes
// after everything else from now on.
func (w *partitionWriter) putOff(ctx context.Context) error {
	if len(w.unread) == 0 {
		return nil
	}
	if err := w.storeWorks(ctx); err != nil {
		return err
	}
	pause := w.lake.maintain.retryAfter(1)
	w.lake.log.ErrorContext(ctx, "blocks cannot be read now, others can", "view", string(w.name), "blocks", len(w.unread),
		"first_block_id", w.unread[0], "again_after_ms", pause.Milliseconds(), "err", w.unreadErrs[0])
	err := w.lake.catalog.PausePending(ctx, w.lake.owner, w.name, w.unread, w.unreadErrs[0].Error(), pause)
	if err == nil {
		for _, id := range w.unread {
			delete(w.open, id)
		}
	}
	return err
}

func (w *partitionWriter) fail(ctx context.Context, b *catalog.PendingBlock, cause error) error {
	attempt := b.Attempts + 1
	log := w.lake.log.With("view", string(w.name), "block_id", b.Block.ID, "attempt", attempt)
	if attempt >= w.lake.maintain.QuarantineAfter {
		log.ErrorContext(ctx, "block put into quarantine: it cannot be read", "err", cause)
	} else {
		log.WarnContext(ctx, "block cannot be read", "err", cause)
	}
	err := w.lake.catalog.FailPending(ctx, w.lake.owner, w.name, b.Block.ID, cause.Error(), w.lake.maintain.QuarantineAfter,
		w.lake.maintain.retryAfter(attempt))
	if err == nil || errors.Is(err, catalog.ErrLostClaim) {
		delete(w.open, b.Block.ID)
		w.failed = append(w.failed, cause)
		return nil
	}
	return err
}

// commit writes the rows so far as one partition.
func (w *partitionWriter) commit(ctx context.Context) error {
	if len(w.blocks) == 0 {
		return nil
	}
	rows := w.maker.collected()
	rows.sort()
	p := catalog.Partition{ID: uuid.Must(uuid.NewV7()), View: w.name, Schema: rows.view.version, Created: w.lake.clock()}
	if rows.len() > 0 {
		out, err := createFile(w.lake.cache.temp(), rows.view, lasting)
		if err != nil {
			return err
		}
		if err := out.write(rows); err != nil {
			out.abandon()
			return err
		}
		if err := w.lake.store(ctx, out, &p); err != nil {
			return err
		}
	}
	err := w.lake.commitFile(ctx, p.File, func(ctx context.Context) error {
		return w.lake.catalog.CommitPartition(ctx, w.lake.owner, p, w.blocks)
	})
	if errors.Is(err, catalog.ErrLostClaim) {
		w.lake.log.InfoContext(ctx, "partition thrown away: blocks of it were claimed by another", "view", string(w.name))
		w.blocks = w.blocks[:0] // those that are still ours are open, and will be given back
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range w.blocks {
		delete(w.open, id)
	}
	w.done += len(w.blocks)
	w.blocks = w.blocks[:0]
	return nil
}

// store finishes a file and puts it into the object store as p.
func (l *Lake) store(ctx context.Context, out *parquetFile, p *catalog.Partition) error {
	size, err := out.close()
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.path) }()
	p.File = fmt.Sprintf("%s%s/%s/%s.parquet", viewPrefix, p.View, p.Created.Std().Format("2006-01-02"), p.ID)
	p.Size, p.Rows, p.MinTime, p.MaxTime, p.Checksum = size, out.rows, out.min, out.max, out.sum.sum
	if err := l.objects.PutFile(ctx, p.File, out.path); err != nil {
		return fmt.Errorf("store a partition of %s: %w", p.View, err)
	}
	return l.storeCompanion(ctx, out.counts, p)
}

// commitFile records a stored file with commit. When the claim was lost the file is removed; after other errors the
// commit may have happened, so it is tried again, and the file stays for removeOrphans if it did not.
func (l *Lake) commitFile(ctx context.Context, key string, commit func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	err := commit(ctx)
	for range 2 {
		if err == nil || !errors.Is(err, catalog.ErrUnavailable) {
			break
		}
		err = commit(ctx)
	}
	if errors.Is(err, catalog.ErrLostClaim) && key != "" {
		return errors.Join(err, l.deleteFile(ctx, key))
	}
	return err
}
