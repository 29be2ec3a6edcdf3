package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// SegmentWaste is a segment from which blocks were deleted.
type SegmentWaste struct {
	Segment string
	Freed   int64 // bytes of deleted blocks
	Erase   bool  // they must not stay
	Blocks  int64 // that it still holds
	Bytes   int64 // theirs
}

// WastedSegments returns up to limit segments from which blocks were deleted, the last of them before a moment. Queries
// that began before may still read them.
func (r *Reader) WastedSegments(ctx context.Context, before telemetry.Time, limit int) ([]SegmentWaste, error) {
	if err := r.notNewer(ctx); err != nil {
		return nil, err
	}
	var list []SegmentWaste
	q := query{name: "segment_waste", args: []any{int64(before), limit}}
	err := r.s.each(ctx, q, func(rows *sql.Rows) error {
		var w SegmentWaste
		if err := rows.Scan(&w.Segment, &w.Freed, &w.Erase, &w.Blocks, &w.Bytes); err != nil {
			return err
		}
		list = append(list, w)
		return nil
	})
	return list, err
}

// ForgetWaste says that nothing is left to do about a segment: its object was deleted, or may stay.
func (db *DB) ForgetWaste(ctx context.Context, segment string) error {
	return db.write(ctx, "forget deleted blocks of "+segment, func(s *session) error {
		_, err := s.exec(ctx, query{name: "forget_waste", args: []any{segment}})
		return err
	})
}

// LeaveWaste says that a segment may stay as it is: it comes again from WastedSegments when more has been deleted than w tells.
func (db *DB) LeaveWaste(ctx context.Context, w SegmentWaste) error {
	return db.write(ctx, "leave deleted blocks of "+w.Segment, func(s *session) error {
		_, err := s.exec(ctx, query{name: "leave_waste", args: []any{int64(math.MaxInt64), w.Segment, w.Freed}})
		return err
	})
}

// PostponeWaste says that a segment may stay for now: it comes again from WastedSegments later.
func (db *DB) PostponeWaste(ctx context.Context, segment string) error {
	return db.write(ctx, "postpone deleted blocks of "+segment, func(s *session) error {
		_, err := s.exec(ctx, query{name: "postpone_waste", args: []any{int64(db.timeNow()), segment}})
		return err
	})
}

// SegmentBlocks returns the blocks of a segment in the order in which they lie.
func (r *Reader) SegmentBlocks(ctx context.Context, segment string) ([]BlockRecord, error) {
	var list []BlockRecord
	var b BlockRecord
	dest := b.dest()
	err := r.s.each(ctx, query{name: "blocks_of_segment", args: []any{segment}}, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		list = append(list, b)
		return nil
	})
	return list, err
}

// MoveBlocks says that blocks of one segment lie in another now, which is new; their locations are those in it. ErrLostClaim
// means that a block is not in the old segment any more, that nothing was changed, and that no record mentions the new one.
// A call whose answer is lost can be repeated.
func (db *DB) MoveBlocks(ctx context.Context, from string, blocks []BlockRecord) error {
	return db.write(ctx, "move blocks of "+from, func(s *session) error {
		if len(blocks) > 0 {
			done := map[string]bool{}
			q := query{name: "segments_in_use", n: 1, args: []any{blocks[0].Location.Segment}}
			if err := s.each(ctx, q, collect(done)); err != nil || len(done) > 0 {
				return err
			}
		}
		for i := range blocks {
			l := blocks[i].Location
			n, err := s.exec(ctx, query{name: "move_block", args: []any{l.Segment, l.Offset, id(blocks[i].ID), from}})
			if err != nil {
				return err
			}
			if n != 1 {
				return ErrLostClaim
			}
		}
		return noteWaste(ctx, s, map[string]int64{from: 0}, true)
	})
}

// noteWaste records that segments lost so many bytes.
func noteWaste(ctx context.Context, s *session, freed map[string]int64, erase bool) error {
	for _, segment := range slices.Sorted(maps.Keys(freed)) { // see appending.order
		row := []any{segment, freed[segment], number(erase), int64(s.db.timeNow())}
		if _, err := s.exec(ctx, query{name: "upsert_segment_waste", n: 1, args: row}); err != nil {
			return fmt.Errorf("segment %s: %w", segment, err)
		}
	}
	return nil
}

// collectIDs appends a row's only column, an id, to list.
func collectIDs(list *[][16]byte) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var v uuid.UUID
		if err := rows.Scan(&v); err != nil {
			return err
		}
		*list = append(*list, v)
		return nil
	}
}
