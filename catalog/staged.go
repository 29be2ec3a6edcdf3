package catalog

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// PayloadRecord is a payload that has come apart from its block.
type PayloadRecord struct {
	Block    telemetry.BlockID
	Stream   telemetry.StreamID
	Process  telemetry.ProcessID
	Location Location
}

// InsertProcesses records processes in one transaction, but those whose id is known; see InsertProcess.
func (db *DB) InsertProcesses(ctx context.Context, processes []telemetry.Process) error {
	return db.write(ctx, fmt.Sprintf("insert %d processes", len(processes)), func(s *session) error {
		for _, i := range ascending(len(processes), func(i int) [16]byte { return processes[i].ID }) {
			if _, err := insertProcess(ctx, s, processes[i]); err != nil {
				return fmt.Errorf("process %s: %w", processes[i].ID, err)
			}
		}
		return nil
	})
}

// InsertStreams records streams in one transaction, but those whose id is known; see InsertStream.
func (db *DB) InsertStreams(ctx context.Context, streams []telemetry.Stream) error {
	err := db.write(ctx, fmt.Sprintf("insert %d streams", len(streams)), func(s *session) error {
		for _, i := range ascending(len(streams), func(i int) [16]byte { return streams[i].ID }) {
			if _, err := insertStream(ctx, s, streams[i]); err != nil {
				return fmt.Errorf("stream %s: %w", streams[i].ID, err)
			}
		}
		return nil
	})
	if err == nil && len(streams) > 0 {
		err = db.resolveAgain(ctx)
	}
	return err
}

// StageBlocks records blocks whose payloads come apart from them, in one transaction. A block whose payload is there
// becomes a block like any other, with pending rows; the others wait for it, and nothing shows them until then. What is
// known about an id stays as it is. A zero insert time becomes now.
func (db *DB) StageBlocks(ctx context.Context, blocks []telemetry.Block) error {
	now := db.timeNow()
	var unresolved []any
	err := db.write(ctx, fmt.Sprintf("stage %d blocks", len(blocks)), func(s *session) error {
		order := ascending(len(blocks), func(i int) [16]byte { return blocks[i].ID })
		staged := make([]telemetry.BlockID, len(order))
		err := rowBatches(len(order), func(from, to int) error {
			var args []any
			for n, i := range order[from:to] {
				b := &blocks[i]
				staged[from+n] = b.ID
				inserted := b.InsertTime
				if inserted == 0 {
					inserted = now
				}
				args = append(args, id(b.ID), id(b.StreamID), id(b.ProcessID), int64(b.BeginTime), int64(b.EndTime),
					int64(b.BeginTicks), int64(b.EndTicks), int64(b.Objects), b.ObjectOffset, b.PayloadSize, int64(inserted), int64(now))
			}
			_, err := s.exec(ctx, query{name: "stage_blocks", n: to - from, args: args})
			return err
		})
		if err != nil {
			return err
		}
		unresolved, err = completeStaged(ctx, s, staged, now)
		return err
	})
	if err == nil {
		err = db.resolveMissed(ctx, unresolved)
	}
	return err
}

// StagePayloads records payloads, which must be durable, in one transaction: the other half of StageBlocks. Segments with
// payloads that were known are noted, see SegmentWaste.
func (db *DB) StagePayloads(ctx context.Context, payloads []PayloadRecord) error {
	now := db.timeNow()
	var unresolved []any
	err := db.write(ctx, fmt.Sprintf("stage %d payloads", len(payloads)), func(s *session) error {
		order := ascending(len(payloads), func(i int) [16]byte { return payloads[i].Block })
		staged := make([]telemetry.BlockID, len(order))
		taken := make(map[telemetry.BlockID]bool, len(order))
		err := rowBatches(len(order), func(from, to int) error {
			var args []any
			for n, i := range order[from:to] {
				p := &payloads[i]
				staged[from+n] = p.Block
				var inline any
				if p.Location.Segment == "" {
					inline = bytesOf(p.Location.Inline)
				}
				args = append(args, id(p.Block), id(p.Stream), id(p.Process), p.Location.Segment, p.Location.Offset, p.Location.Size,
					int64(p.Location.Checksum), inline, int64(now))
			}
			return s.each(ctx, query{name: "stage_payloads", n: to - from, args: args}, collectKnown(taken))
		})
		if err != nil {
			return err
		}
		freed := make(map[string]int64)
		for _, i := range order {
			if p := &payloads[i]; !taken[p.Block] && p.Location.Segment != "" {
				freed[p.Location.Segment] += p.Location.Size
			}
		}
		if err := noteWaste(ctx, s, freed, false); err != nil {
			return err
		}
		unresolved, err = completeStaged(ctx, s, staged, now)
		return err
	})
	if err == nil {
		err = db.resolveMissed(ctx, unresolved)
	}
	return err
}

// completeStaged makes blocks of those whose halves are both there by now. Whoever stages the second half holds the lock of
// the row, so that on PostgreSQL one of two transactions sees both. Rows of blocks that are recorded are deleted after
// that, when this transaction sees also what was recorded while it waited for a row.
// It returns the numbers of those whose stream was not known, see resolveMissed.
func completeStaged(ctx context.Context, s *session, staged []telemetry.BlockID, now telemetry.Time) (unresolved []any, err error) {
	values := ids(staged)
	var whole []BlockRecord
	err = listBatches(values, func(batch []any) error {
		return s.each(ctx, query{name: "whole_staged", n: len(batch), args: batch}, func(rows *sql.Rows) error {
			var b BlockRecord
			if err := rows.Scan(append(b.dest(), &b.Location.Inline)...); err != nil {
				return err
			}
			whole = append(whole, b)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	completed := make(map[telemetry.BlockID]bool)
	if len(whole) > 0 {
		a := newAppend(whole, now)
		if err := a.run(ctx, s); err != nil {
			return nil, err
		}
		unresolved = a.unresolved
		for i := range whole {
			completed[whole[i].ID] = a.inserted[i]
		}
	}
	freed := make(map[string]int64)
	err = listBatches(values, func(batch []any) error {
		return s.each(ctx, query{name: "delete_staged_among", n: len(batch), args: batch}, collectFreed(freed, completed))
	})
	if err != nil {
		return nil, err
	}
	return unresolved, noteWaste(ctx, s, freed, false)
}

// collectFreed adds up the bytes of staged payloads that were deleted, by segment, but of those that became blocks.
func collectFreed(freed map[string]int64, completed map[telemetry.BlockID]bool) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var block uuid.UUID
		var segment string
		var size int64
		if err := rows.Scan(&block, &segment, &size); err != nil {
			return err
		}
		if segment != "" && !completed[telemetry.BlockID(block)] {
			freed[segment] += size
		}
		return nil
	}
}

// collectKnown adds a row's only column, the id of a block, to set.
func collectKnown(set map[telemetry.BlockID]bool) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var b uuid.UUID
		err := rows.Scan(&b)
		set[telemetry.BlockID(b)] = true
		return err
	}
}

// PayloadsKnown tells for which of the blocks a payload is recorded.
func (db *DB) PayloadsKnown(ctx context.Context, blocks []telemetry.BlockID) (map[telemetry.BlockID]bool, error) {
	known := make(map[telemetry.BlockID]bool)
	err := db.Read(ctx, func(r *Reader) error {
		return listBatches(ids(blocks), func(batch []any) error {
			return errors.Join(
				r.s.each(ctx, query{name: "payloads_known", n: len(batch), args: batch}, collectKnown(known)),
				r.s.each(ctx, query{name: "payloads_staged", n: len(batch), args: batch}, collectKnown(known)),
			)
		})
	})
	return known, err
}

// Staged tells how many blocks wait for their payloads, and how many payloads for their blocks.
func (r *Reader) Staged(ctx context.Context) (blocks, payloads int64, err error) {
	err = r.s.one(ctx, query{name: "staged_counts"}, &blocks, &payloads)
	return blocks, payloads, err
}

// ForgetStaged deletes halves of blocks that were recorded in another way since. Segments that lose payloads are noted, see
// SegmentWaste.
func (db *DB) ForgetStaged(ctx context.Context) error {
	return db.write(ctx, "forget halves of recorded blocks", func(s *session) error {
		freed := make(map[string]int64)
		if err := s.each(ctx, query{name: "delete_staged"}, collectFreed(freed, nil)); err != nil {
			return err
		}
		return noteWaste(ctx, s, freed, false)
	})
}

// ascending returns the indices of n items in the order of their ids, the first of each id only: transactions that share
// rows must lock them in the same order.
func ascending(n int, id func(i int) [16]byte) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := id(i), id(j)
		return bytes.Compare(a[:], b[:])
	})
	return slices.CompactFunc(order, func(i, j int) bool { return id(i) == id(j) })
}
