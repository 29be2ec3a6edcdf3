package catalog

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Append records blocks in one transaction, which is durable when it returns. inserted[i] is false when the id of
// blocks[i] was known before, or stood earlier in blocks: then nothing about it changes. With the blocks come their
// pending rows and the activity of their processes and streams. A zero insert time becomes now. Segments in which payloads of
// known blocks lie once more are noted, see SegmentWaste.
func (db *DB) Append(ctx context.Context, blocks []BlockRecord) (inserted []bool, err error) {
	return db.AppendWhen(ctx, blocks, func() error { return nil })
}

// AppendWhen is Append for blocks whose payloads are still being written: durable is called before the transaction
// commits, waits until they are durable, and on an error nothing is recorded and the error is returned. It may be called
// more than once, and for blocks that turn out to be known too.
func (db *DB) AppendWhen(ctx context.Context, blocks []BlockRecord, durable func() error) (inserted []bool, err error) {
	if len(blocks) == 0 {
		return nil, durable()
	}
	a := newAppend(blocks, db.timeNow())
	err = db.write(ctx, fmt.Sprintf("append %d blocks", len(blocks)), func(s *session) error {
		if err := a.run(ctx, s); err != nil {
			return err
		}
		if err := noteWaste(ctx, s, a.wasted(), false); err != nil {
			return err
		}
		return durable()
	})
	if err == nil {
		err = db.resolveMissed(ctx, a.unresolved)
	}
	if err != nil {
		return nil, err
	}
	return a.inserted, nil
}

// appending is one call of Append.
type appending struct {
	blocks   []BlockRecord
	now      telemetry.Time
	order    []int // into blocks, ascending by id: two transactions that share blocks must lock them in the same order
	byID     map[telemetry.BlockID]int
	inserted []bool
	numbers  []any // block_no of those inserted

	unresolved []any // block_no of those whose stream was not known; filled in on PostgreSQL alone
}

func newAppend(blocks []BlockRecord, now telemetry.Time) *appending {
	a := &appending{blocks: blocks, now: now, byID: make(map[telemetry.BlockID]int, len(blocks))}
	for i := range blocks {
		if _, ok := a.byID[blocks[i].ID]; !ok {
			a.byID[blocks[i].ID] = i
			a.order = append(a.order, i)
		}
	}
	slices.SortFunc(a.order, func(i, j int) int { return bytes.Compare(blocks[i].ID[:], blocks[j].ID[:]) })
	return a
}

func (a *appending) run(ctx context.Context, s *session) error {
	a.inserted, a.numbers, a.unresolved = make([]bool, len(a.blocks)), nil, nil
	if err := a.insertBlocks(ctx, s); err != nil {
		return err
	}
	if len(a.numbers) > 0 {
		if err := a.insertPending(ctx, s); err != nil {
			return err
		}
		return a.recordActivity(ctx, s)
	}
	return nil
}

func (a *appending) insertPending(ctx context.Context, s *session) error {
	if !s.db.dialect.rowLocks {
		_, err := s.inBatches(ctx, "insert_pending", a.numbers)
		return err
	}
	return listBatches(a.numbers, func(batch []any) error {
		return s.each(ctx, query{name: "insert_pending", n: len(batch), args: batch}, func(rows *sql.Rows) error {
			var view View
			var no int64
			if err := rows.Scan((*string)(&view), &no); err != nil {
				return err
			}
			if view == Unresolved {
				a.unresolved = append(a.unresolved, no)
			}
			return nil
		})
	})
}

// wasted returns how many bytes of which segments belong to blocks that were known.
func (a *appending) wasted() map[string]int64 {
	var bytes map[string]int64
	for i := range a.blocks {
		if at := &a.blocks[i].Location; !a.inserted[i] && at.Segment != "" {
			if bytes == nil {
				bytes = make(map[string]int64)
			}
			bytes[at.Segment] += at.Size
		}
	}
	return bytes
}

func (a *appending) insertBlocks(ctx context.Context, s *session) error {
	return rowBatches(len(a.order), func(from, to int) error {
		var args []any
		for _, i := range a.order[from:to] {
			args = append(args, a.row(&a.blocks[i])...)
		}
		return s.each(ctx, query{name: "insert_blocks", n: to - from, args: args}, func(rows *sql.Rows) error {
			var no int64
			var block uuid.UUID
			if err := rows.Scan(&no, &block); err != nil {
				return err
			}
			a.inserted[a.byID[telemetry.BlockID(block)]] = true
			a.numbers = append(a.numbers, no)
			return nil
		})
	})
}

func (a *appending) row(b *BlockRecord) []any {
	var payload any
	if b.Location.Segment == "" {
		payload = bytesOf(b.Location.Inline)
	}
	return []any{
		id(b.ID), id(b.StreamID), id(b.ProcessID), int64(b.BeginTime), int64(b.EndTime), int64(b.BeginTicks), int64(b.EndTicks),
		int64(b.Objects), b.ObjectOffset, b.PayloadSize, int64(a.insertTime(b)),
		b.Location.Segment, b.Location.Offset, b.Location.Size, int64(b.Location.Checksum), payload, int64(a.now),
	}
}

func (a *appending) insertTime(b *BlockRecord) telemetry.Time {
	if b.InsertTime == 0 {
		return a.now
	}
	return b.InsertTime
}

// activity is what some blocks of one process or stream add.
type activity struct {
	lastUpdate   telemetry.Time
	lastEndTicks telemetry.Ticks
	lastEndTime  telemetry.Time
	blocks       int64
}

func (a *appending) recordActivity(ctx context.Context, s *session) error {
	processes := make(map[telemetry.ProcessID]activity)
	streams := make(map[telemetry.StreamID]activity)
	for _, i := range a.order {
		if b := &a.blocks[i]; a.inserted[i] {
			processes[b.ProcessID] = processes[b.ProcessID].with(b, a.insertTime(b))
			streams[b.StreamID] = streams[b.StreamID].with(b, a.insertTime(b))
		}
	}
	err := upsert(ctx, s, "upsert_process_activity", processes, func(x activity) []any {
		return []any{int64(x.lastUpdate), int64(x.lastEndTicks), int64(x.lastEndTime), x.blocks}
	})
	if err != nil {
		return err
	}
	return upsert(ctx, s, "upsert_stream_activity", streams, func(x activity) []any {
		return []any{int64(x.lastUpdate), x.blocks}
	})
}

func (x activity) with(b *BlockRecord, insertTime telemetry.Time) activity {
	if x.blocks == 0 {
		return activity{insertTime, b.EndTicks, b.EndTime, 1}
	}
	return activity{
		max(x.lastUpdate, insertTime), max(x.lastEndTicks, b.EndTicks), max(x.lastEndTime, b.EndTime), x.blocks + 1,
	}
}

// upsert writes one row for each entry, ascending by id for the same reason as appending.order.
func upsert[K ~[16]byte](ctx context.Context, s *session, name string, entries map[K]activity, row func(activity) []any) error {
	keys := make([]K, 0, len(entries))
	for k := range entries {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int {
		x, y := [16]byte(a), [16]byte(b)
		return bytes.Compare(x[:], y[:])
	})
	return rowBatches(len(keys), func(from, to int) error {
		var args []any
		for _, k := range keys[from:to] {
			args = append(append(args, id(k)), row(entries[k])...)
		}
		_, err := s.exec(ctx, query{name: name, n: to - from, args: args})
		return err
	})
}
