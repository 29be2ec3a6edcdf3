package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Erasure says what an administrator wants deleted: all that belongs to a process, or all blocks inserted before a moment,
// or, with both, the process's blocks from before.
type Erasure struct {
	Process telemetry.ProcessID
	Before  telemetry.Time // insert time; 0 means no bound
}

func (e Erasure) doomed() catalog.Doomed {
	return catalog.Doomed{Process: e.Process, Before: e.Before, Erase: true}
}

// Erased tells what a deletion takes.
type Erased struct {
	Blocks    int64
	Bytes     int64 // payload
	Rewritten int64 // partitions of which rows are left
	Removed   int64 // partitions of which none are left
	Processes int64
	Streams   int64
}

func (e Erased) String() string {
	return fmt.Sprintf("%d blocks with %d bytes of payload, %d partitions wholly, rows of %d partitions, %d processes, %d streams",
		e.Blocks, e.Bytes, e.Removed, e.Rewritten, e.Processes, e.Streams)
}

var errNothingChosen = &fault.Error{
	Kind: fault.Invalid, Msg: "nothing says what to delete", Fix: "name a process, or a time before which blocks are deleted",
}

// PlanErase tells what Erase would take now. Processes and Streams count only those of a named process.
func (l *Lake) PlanErase(ctx context.Context, e Erasure) (Erased, error) {
	if e == (Erasure{}) {
		return Erased{}, errNothingChosen
	}
	var sum Erased
	err := l.catalog.Read(ctx, func(r *catalog.Reader) error {
		sum = Erased{}
		counts, err := r.DoomedBlocks(ctx, e.doomed())
		if err != nil {
			return err
		}
		sum.Blocks, sum.Bytes = counts.Blocks, counts.Bytes
		touched, err := r.PartitionRecords(ctx, catalog.PartitionFilter{Process: e.Process, Before: e.Before})
		if err != nil {
			return err
		}
		streams, err := e.streams(ctx, r)
		if err != nil {
			return err
		}
		for i := range touched {
			drop, all, err := members(e.takes(streams))(ctx, r, &touched[i].Partition)
			switch {
			case err != nil:
				return err
			case all:
				sum.Removed++
			case len(drop) > 0:
				sum.Rewritten++
			}
		}
		if e.Process.IsZero() || e.Before != 0 {
			return nil
		}
		found, err := r.Processes(ctx, catalog.Filter{Process: e.Process})
		sum.Processes, sum.Streams = int64(len(found)), int64(len(streams))
		return err
	})
	return sum, readFaultOrNil(ctx, err)
}

func readFaultOrNil(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return readFault(ctx, err)
}

// streams returns the streams of the process.
func (e Erasure) streams(ctx context.Context, r *catalog.Reader) (map[telemetry.StreamID]bool, error) {
	if e.Process.IsZero() {
		return nil, nil
	}
	list, err := r.Streams(ctx, catalog.Filter{Process: e.Process})
	set := make(map[telemetry.StreamID]bool, len(list))
	for i := range list {
		set[list[i].ID] = true
	}
	return set, err
}

// takes returns whether e deletes a block.
func (e Erasure) takes(streams map[telemetry.StreamID]bool) func(*catalog.BlockRecord) bool {
	return func(b *catalog.BlockRecord) bool {
		return (e.Process.IsZero() || b.ProcessID == e.Process || streams[b.StreamID]) && (e.Before == 0 || b.InsertTime < e.Before)
	}
}

// chooser returns some blocks of a live partition, and whether these are all.
type chooser func(context.Context, *catalog.Reader, *catalog.Partition) (chosen []telemetry.BlockID, all bool, err error)

// members chooses those that take wants.
func members(take func(*catalog.BlockRecord) bool) chooser {
	return func(ctx context.Context, r *catalog.Reader, p *catalog.Partition) (chosen []telemetry.BlockID, all bool, err error) {
		list, err := r.Members(ctx, p.ID)
		for i := range list {
			if take(&list[i]) {
				chosen = append(chosen, list[i].ID)
			}
		}
		return chosen, len(chosen) == len(list) && len(list) > 0, err
	}
}

// Erase deletes blocks, their rows in partitions, and a process that is named without a time with its streams. Queries
// that run now may still show them; files and segments go when no query can read them any more. It tells what it took,
// also with an error, and can be called again.
func (l *Lake) Erase(ctx context.Context, e Erasure, say Progress) (Erased, error) {
	if e == (Erasure{}) {
		return Erased{}, errNothingChosen
	}
	var sum Erased
	err := l.erase(ctx, e, &sum, say)
	l.log.InfoContext(ctx, "data was deleted by hand", "process_id", e.Process, "before", e.Before, "blocks", sum.Blocks,
		"size_bytes", sum.Bytes, "partitions_removed", sum.Removed, "partitions_rewritten", sum.Rewritten,
		"processes", sum.Processes, "streams", sum.Streams, "err", err)
	return sum, writeFault(ctx, err)
}

func (l *Lake) erase(ctx context.Context, e Erasure, sum *Erased, say Progress) error {
	// Maintenance moves blocks on while they are being looked for, and new ones may arrive: look again until there are none.
	for range 20 {
		for _, v := range catalog.Views() {
			if err := untilFew(1024, func() (int64, error) { return l.catalog.DropPending(ctx, v, e.doomed()) }); err != nil {
				return err
			}
		}
		if err := untilFew(1024, func() (int64, error) { return l.catalog.DeleteStaged(ctx, e.doomed()) }); err != nil {
			return err
		}
		busy, err := l.dropRows(ctx, catalog.PartitionFilter{Process: e.Process, Before: e.Before}, e, sum, say)
		if err != nil {
			return err
		}
		err = untilFew(1024, func() (int64, error) {
			n, err := l.catalog.DeleteBlocks(ctx, e.doomed())
			sum.Blocks += n.Blocks
			sum.Bytes += n.Bytes
			return n.Blocks, err
		})
		if err != nil {
			return err
		}
		var left catalog.BlockCounts
		err = l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
			left, err = r.DoomedBlocks(ctx, e.doomed())
			return err
		})
		if err != nil {
			return err
		}
		if left.Blocks > 0 || busy {
			continue
		}
		say(fmt.Sprintf("deleted %d blocks", sum.Blocks))
		if !e.Process.IsZero() && e.Before != 0 {
			return nil // the process stays
		}
		return untilFew(256, func() (int64, error) {
			processes, streams, err := l.catalog.DeleteIdle(ctx, catalog.Doomed{Process: e.Process, Before: e.Before})
			sum.Processes += processes
			sum.Streams += streams
			return max(processes, streams), err
		})
	}
	return &fault.Error{
		Kind: fault.Unavailable, Msg: "blocks to be deleted keep arriving, or are being moved; what was found is deleted",
		Fix: "stop the process, and run the deletion again",
	}
}

// dropRows takes the rows of e's blocks out of partitions. It reports whether some could not be taken because others
// changed the partitions meanwhile.
func (l *Lake) dropRows(ctx context.Context, f catalog.PartitionFilter, e Erasure, sum *Erased, say Progress) (busy bool, err error) {
	var touched []catalog.PartitionRecord
	var streams map[telemetry.StreamID]bool
	err = l.catalog.Read(ctx, func(r *catalog.Reader) error {
		var err error
		if touched, err = r.PartitionRecords(ctx, f); err != nil {
			return err
		}
		streams, err = e.streams(ctx, r)
		return err
	})
	if err != nil {
		return false, err
	}
	for i := range touched {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		p := &touched[i].Partition
		dropped, all, err := l.drop(ctx, p, members(e.takes(streams)), true)
		switch {
		case errors.Is(err, catalog.ErrNotFound), errors.Is(err, catalog.ErrLostClaim):
			busy = true
		case err != nil:
			return false, fmt.Errorf("partition %s: %w", p.File, err)
		case all:
			sum.Removed++
			say(fmt.Sprintf("removed partition %s of %s with %d blocks", p.File, p.View, dropped))
		case dropped > 0:
			sum.Rewritten++
			say(fmt.Sprintf("rewrote partition %s of %s without %d blocks", p.File, p.View, dropped))
		}
	}
	return busy, nil
}

// drop takes the blocks that choose returns out of a partition. Unless force is set, ErrLostClaim means that another process
// has claimed it.
func (l *Lake) drop(ctx context.Context, p *catalog.Partition, choose chooser, force bool) (n int, all bool, err error) {
	l.oneFile.Lock()
	defer l.oneFile.Unlock()
	if err := l.catalog.TakePartition(ctx, l.owner, p.ID, l.maintain.Lease, force); err != nil {
		return 0, false, err
	}
	var chosen []telemetry.BlockID
	err = l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		chosen, all, err = choose(ctx, r, p)
		return err
	})
	if err == nil && len(chosen) > 0 {
		err = l.holding(ctx, p.ID, func(ctx context.Context) error { return l.without(ctx, p, chosen, all) })
	}
	// Its blocks are pending again, where those to be dropped are found by who looks again.
	if unread, ok := errors.AsType[*mergeError](err); ok {
		l.log.ErrorContext(ctx, "partition cannot be rewritten; it is made anew from its blocks", "view", string(p.View),
			"partition_id", p.ID, "file", p.File, "err", unread)
		err = errors.Join(catalog.ErrNotFound, l.catalog.RetirePartitions(ctx, []catalog.PartitionID{p.ID}))
	} else if isUnusable(err) {
		err = errors.Join(catalog.ErrNotFound, l.takeBack(ctx, err))
	}
	if err != nil || len(chosen) == 0 {
		return 0, false, l.giveBack(ctx, p.ID, err)
	}
	return len(chosen), all, nil
}

// untilFew calls f until it returns less than many.
func untilFew(many int64, f func() (int64, error)) error {
	for {
		if n, err := f(); err != nil || n < many {
			return err
		}
	}
}
