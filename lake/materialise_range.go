package lake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// maxSteps bounds the steps of one operation.
const maxSteps = 1 << 20

// steps cuts [begin, end) into steps of delta.
func steps(begin, end telemetry.Time, delta time.Duration) (func(yield func(from, to telemetry.Time) bool), error) {
	switch {
	case delta <= 0:
		return nil, fault.New(fault.Invalid, "the length of a step must be positive")
	case begin >= end:
		return nil, fault.New(fault.Invalid, fmt.Sprintf("the range must begin before it ends: %s, %s", rfc(begin), rfc(end)))
	case float64(end)-float64(begin) > maxSteps*float64(delta):
		return nil, fault.New(fault.Invalid, fmt.Sprintf("the range has more than %d steps; make the steps longer", maxSteps))
	}
	return func(yield func(from, to telemetry.Time) bool) {
		for from := begin; from < end; {
			to := end
			if end-from > telemetryDuration(delta) {
				to = from + telemetryDuration(delta)
			}
			if !yield(from, to) {
				return
			}
			from = to
		}
	}, nil
}

// MaterialisePartitions puts the blocks that were inserted from begin to before end and wait for a view into partitions
// now, in steps of delta. Steps without blocks are passed over. A block that cannot be read or decoded is an error, after the
// others are done.
func (l *Lake) MaterialisePartitions(ctx context.Context, set string, begin, end telemetry.Time, delta time.Duration, say Progress) error {
	view, err := checkSet(set)
	if err != nil {
		return err
	}
	each, err := steps(begin, end, delta)
	if err != nil {
		return err
	}
	var waiting []catalog.PendingBlock
	err = l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		waiting, err = r.Pending(ctx, view, catalog.Filter{WithoutPayload: true})
		return err
	})
	if err != nil {
		return readFault(ctx, err)
	}
	live, err := l.partitionRecords(ctx, catalog.PartitionFilter{View: view, Before: end})
	if err != nil {
		return err
	}
	var errs []error
	for from, to := range each {
		if err := ctx.Err(); err != nil {
			return readFault(ctx, err)
		}
		last := to - 1
		during := telemetry.Range{Begin: &from, End: &last}
		var objects int64
		wait, aside := 0, 0
		for i := range waiting {
			switch b := &waiting[i]; {
			case !during.Contains(b.Block.InsertTime):
			case b.Quarantined:
				aside++
			default:
				wait++
				objects += int64(b.Block.Objects)
			}
		}
		name := fmt.Sprintf("[%s, %s] %s %s", rfc(from), rfc(to), set, global)
		if aside > 0 {
			say(fmt.Sprintf("%s: %d blocks in quarantine are left out; see list_quarantined_blocks()", name, aside))
		}
		if wait == 0 {
			if n, any := sourceEvents(live, during); any {
				say(fmt.Sprintf("%s: already up to date, nb_source_events=%d", name, n))
			}
			continue
		}
		say(fmt.Sprintf("%s: materialising %d blocks, nb_source_events=%d", name, wait, objects))
		if err := l.materialiseAll(ctx, view, during); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			_, bad := errors.AsType[*decodeError](err)
			_, unread := errors.AsType[*unreadError](err)
			if !bad && !unread {
				break
			}
			say(fmt.Sprintf("%s: %s", name, err))
			continue
		}
		say(name + ": done")
	}
	return writeFault(ctx, errors.Join(errs...))
}

// sourceEvents adds up the objects of the partitions whose blocks were inserted in a range.
func sourceEvents(list []PartitionRecord, during telemetry.Range) (objects int64, any bool) {
	for i := range list {
		if during.Overlaps(list[i].MinInsert, list[i].MaxInsert) {
			objects += list[i].Objects
			any = true
		}
	}
	return objects, any
}

// materialiseAll puts the waiting blocks of a range into partitions. Blocks that another process has claimed are waited
// for.
func (l *Lake) materialiseAll(ctx context.Context, view catalog.View, during telemetry.Range) error {
	var failed []error
	for {
		done, err := l.materialiseClaim(ctx, catalog.ClaimPending{View: view, Inserted: during})
		for _, err := range done.unread {
			failed = append(failed, &unreadError{err})
		}
		failed = append(failed, done.failed...)
		if err != nil {
			return err
		}
		if done.committed > 0 || !done.last() && len(done.failed) < done.claimed {
			continue
		}
		if len(failed) > 0 { // now, or when the others were done
			return failed[0]
		}
		var left int
		err = l.catalog.Read(ctx, func(r *catalog.Reader) error {
			list, err := r.Pending(ctx, view, catalog.Filter{WithoutPayload: true})
			left, failed = 0, nil
			for i := range list {
				switch b := &list[i]; {
				case b.Quarantined || !during.Contains(b.Block.InsertTime):
				case b.Attempts > 0: // it waits for its next attempt
					failed = append(failed, &decodeError{err: fmt.Errorf("block %s: %s", b.Block.ID, b.LastError)})
				case b.NotBefore > 0:
					failed = append(failed, &unreadError{storeFault(ctx, fmt.Errorf("block %s: %s", b.Block.ID, b.LastError))})
				default:
					left++
				}
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case left == 0 && len(failed) > 0:
			return failed[0]
		case left == 0:
			return nil
		}
		again := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		case <-again.C:
		}
	}
}

// unreadError says that a payload cannot be read from a store that works otherwise.
type unreadError struct{ err error }

func (e *unreadError) Error() string { return e.err.Error() }
func (e *unreadError) Unwrap() error { return e.err }

// RegeneratePartitions makes the partitions whose blocks were inserted from begin to end anew from the blocks, with today's
// schema. Steps of delta must tile the range, and the range must hold its partitions wholly. Every partition is replaced
// in a transaction of its own; one that cannot be made stays as it is, and is an error.
func (l *Lake) RegeneratePartitions(ctx context.Context, set string, begin, end telemetry.Time, delta time.Duration, say Progress) error {
	view, err := checkSet(set)
	if err != nil {
		return err
	}
	if _, err := steps(begin, end, delta); err != nil {
		return err
	}
	if (end-begin)%telemetryDuration(delta) != 0 {
		return fault.New(fault.Invalid, fmt.Sprintf("steps of %s do not tile the range from %s to %s exactly", delta, rfc(begin), rfc(end)))
	}
	made := map[catalog.PartitionID]bool{}
	for try := 0; ; try++ {
		again, err := l.regenerate(ctx, view, begin, end, made, say)
		if err == nil && again && try == 10 {
			err = catalog.ErrLostClaim
		}
		if err != nil || !again {
			return writeFault(ctx, err)
		}
	}
}

// regenerate reports whether partitions were merged by others meanwhile, so that some may be left. Those in made are new.
func (l *Lake) regenerate(ctx context.Context, view catalog.View, begin, end telemetry.Time, made map[catalog.PartitionID]bool,
	say Progress,
) (again bool, err error) {
	all, err := l.partitionRecords(ctx, catalog.PartitionFilter{View: view, Before: end})
	if err != nil {
		return false, err
	}
	var chosen []PartitionRecord
	for _, p := range all {
		if p.MaxInsert < begin || made[p.ID] {
			continue
		}
		if p.Begin < begin || p.End > end {
			return false, &fault.Error{
				Kind: fault.Invalid,
				Msg: fmt.Sprintf("partition %s has blocks inserted from %s to %s, which reaches outside of %s to %s",
					p.File, rfc(p.Begin), rfc(p.End), rfc(begin), rfc(end)),
				Fix: "widen the range; list_partitions() shows what partitions hold",
			}
		}
		chosen = append(chosen, p)
	}
	if len(chosen) == 0 && len(made) == 0 {
		say(fmt.Sprintf("[%s, %s] %s %s: matching partitions not found", rfc(begin), rfc(end), view, global))
	}
	for i := range chosen {
		old := &chosen[i]
		p, err := l.rebuild(ctx, &old.Partition)
		if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrLostClaim) {
			again = true
			continue
		}
		if err != nil {
			return false, fmt.Errorf("partition %s: %w", old.File, err)
		}
		made[p.ID] = true
		say(fmt.Sprintf("[%s, %s] %s %s: regenerated, nb_source_events=%d, rows=%d, file_path=%s",
			rfc(old.Begin), rfc(old.End), view, global, old.Objects, p.Rows, p.File))
	}
	return again, nil
}
