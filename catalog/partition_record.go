package catalog

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/micromegas-go/micromegas/telemetry"
)

// PartitionRecord is a live partition with what its members tell about it.
type PartitionRecord struct {
	Partition
	MinInsert telemetry.Time // smallest and largest insert time of the blocks; 0 until MeasurePartitions
	MaxInsert telemetry.Time
	Objects   int64 // sum over the blocks

	// Smallest and largest time from which the age of the blocks counts: when they came into this catalog, or their insert
	// time when that is later. 0 until MeasurePartitions.
	MinRecorded telemetry.Time
	MaxRecorded telemetry.Time
}

// PartitionFilter narrows what PartitionRecords returns; zero fields do not narrow.
type PartitionFilter struct {
	View    View
	ID      PartitionID
	File    string
	Process telemetry.ProcessID // partitions with a block of it, or of one of its streams
	Before  telemetry.Time      // partitions with a block inserted before
	Older   telemetry.Time      // partitions with a block that was inserted before, and came into this catalog before
}

func (f PartitionFilter) options() []option {
	var o []option
	if f.View != "" {
		o = append(o, option{"view", []any{string(f.View)}})
	}
	if f.ID != (PartitionID{}) {
		o = append(o, option{"id", []any{id(f.ID)}})
	}
	if f.File != "" {
		o = append(o, option{"file", []any{f.File}})
	}
	if !f.Process.IsZero() {
		o = append(o, option{"process", []any{id(f.Process), id(f.Process)}})
	}
	if f.Before != 0 {
		o = append(o, option{"before", []any{int64(f.Before)}})
	}
	if f.Older != 0 {
		o = append(o, option{"older", []any{int64(f.Older), int64(f.Older)}})
	}
	return o
}

// PartitionRecords returns the live partitions of all views, also those without a file, by view and insert time.
func (r *Reader) PartitionRecords(ctx context.Context, f PartitionFilter) ([]PartitionRecord, error) {
	var list []PartitionRecord
	err := r.s.each(ctx, query{name: "partition_records", options: f.options()}, func(rows *sql.Rows) error {
		var p PartitionRecord
		dest := append(p.dest(), (*int64)(&p.MinInsert), (*int64)(&p.MaxInsert), &p.Objects,
			(*int64)(&p.MinRecorded), (*int64)(&p.MaxRecorded))
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// Members returns the blocks of a live partition in the order of their insertion, without payloads of tiny blocks; none
// when there is no such partition, or it has retired.
func (r *Reader) Members(ctx context.Context, partition PartitionID) ([]BlockRecord, error) {
	var list []BlockRecord
	var b BlockRecord
	dest := b.dest()
	segments := make(interner)
	err := r.s.each(ctx, query{name: "members", args: []any{id(partition)}}, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		b.Location.Segment = segments.of(b.Location.Segment)
		list = append(list, b)
		return nil
	})
	return list, err
}

// MemberBlocks returns blocks of a live partition with all that decoding them needs, in the order of their insertion: up to
// limit of those behind a number that the last call returned, 0 at first. No blocks are left when it returns 0.
func (r *Reader) MemberBlocks(ctx context.Context, p Partition, after int64, limit int) (list []PendingBlock, next int64, err error) {
	b := PendingBlock{View: p.View}
	dest := append([]any{&next}, b.Block.dest()...)
	dest = append(dest, &b.Block.Location.Inline)
	q := query{name: "member_blocks", args: []any{id(p.ID), after, limit}}
	err = r.s.each(ctx, q, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		list = append(list, b)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if len(list) < limit {
		next = 0
	}
	return list, next, attach(ctx, r.s, list)
}

// span is what a partition's members tell about it.
type span struct {
	blocks, min, max, objects int64 // min and max of insert times
	oldest, newest            int64 // by the time from which their age counts
}

func (x *span) dest() []any {
	return []any{&x.blocks, &x.min, &x.max, &x.objects, &x.oldest, &x.newest}
}

// known tells whether x is what was recorded of partitions by programs that record all of it.
func (x *span) known() bool { return x.min != 0 && x.oldest != 0 }

// setSpan records x with the partition of that number.
func setSpan(ctx context.Context, s *session, no int64, x span) error {
	_, err := s.exec(ctx, query{name: "set_partition_span", args: []any{x.blocks, x.min, x.max, x.objects, x.oldest, x.newest, no}})
	return err
}

// setSpanOfMembers finds out and records what the members of the partition of that number tell about it.
func setSpanOfMembers(ctx context.Context, s *session, no int64) error {
	var x span
	if err := s.one(ctx, query{name: "member_span", args: []any{no}}, x.dest()...); err != nil {
		return err
	}
	if !x.known() { // inserted in 1970: 0 says that nobody has looked
		x.min, x.oldest = cmp.Or(x.min, 1), cmp.Or(x.oldest, 1)
	}
	return setSpan(ctx, s, no, x)
}

// spanOf adds up what is recorded with partitions.
func spanOf(ctx context.Context, s *session, partitions []PartitionID) (sum span, err error) {
	first := true
	err = listBatches(ids(partitions), func(batch []any) error {
		var x span
		if err := s.one(ctx, query{name: "partition_span", n: len(batch), args: batch}, x.dest()...); err != nil {
			return err
		}
		if first {
			sum, first = x, false
			return nil
		}
		sum = span{
			sum.blocks + x.blocks, min(sum.min, x.min), max(sum.max, x.max), sum.objects + x.objects,
			min(sum.oldest, x.oldest), max(sum.newest, x.newest),
		}
		return nil
	})
	return sum, err
}

// MeasurePartitions finds out and records what the members tell about up to limit live partitions of which an older program has
// not recorded it, and returns how many it found.
func (db *DB) MeasurePartitions(ctx context.Context, limit int) (int, error) {
	var numbers []any
	err := db.write(ctx, "measure partitions", func(s *session) error {
		numbers = nil
		q := query{name: "unmeasured_partitions", args: []any{int64(db.timeNow()), limit}}
		if err := s.each(ctx, q, collectNumbers(&numbers)); err != nil {
			return err
		}
		for _, no := range numbers {
			if err := setSpanOfMembers(ctx, s, no.(int64)); err != nil {
				return err
			}
		}
		return nil
	})
	return len(numbers), err
}

// AnyUnmeasured reports whether MeasurePartitions would find something.
func (r *Reader) AnyUnmeasured(ctx context.Context) (found bool, err error) {
	err = r.s.each(ctx, query{name: "any_unmeasured", args: []any{int64(r.s.db.timeNow())}}, func(*sql.Rows) error {
		found = true
		return nil
	})
	return found, err
}

// OldMembers returns the blocks of a live partition that were inserted before a moment, and came into this catalog before it.
func (r *Reader) OldMembers(ctx context.Context, partition PartitionID, older telemetry.Time) ([]telemetry.BlockID, error) {
	var found [][16]byte
	q := query{name: "old_members", args: []any{id(partition), int64(older), int64(older)}}
	err := r.s.each(ctx, q, collectIDs(&found))
	list := make([]telemetry.BlockID, len(found))
	for i := range found {
		list[i] = telemetry.BlockID(found[i])
	}
	return list, err
}
