package catalog

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Doomed says which blocks are to be deleted; zero fields do not narrow.
type Doomed struct {
	Process telemetry.ProcessID // of this process, or of one of its streams
	Before  telemetry.Time      // inserted before
	Older   telemetry.Time      // inserted before, and came into this catalog before
	Tag     string              // of streams that have the tag
	Without []string            // not of streams that have one of these tags
	Known   bool                // of streams that are known
	Orphans bool                // of streams or processes that are not known
	// Of blocks in partitions only those whose partition has no block that is not older than Whole, or one that is older than
	// Part. It counts for DoomedBlocks alone.
	Whole, Part telemetry.Time
	Erase       bool // the payload is to go too as soon as no query reads it, although it shares a segment with others

	stagedBefore telemetry.Time // see DeleteStaged
}

func (d Doomed) query(name string) query {
	without := make([]any, 0, len(d.Without)+1)
	for _, tag := range d.Without {
		without = append(without, clean(tag))
	}
	for len(without) == 0 || len(without)&(len(without)-1) != 0 {
		without = append(without, "")
	}
	return query{name: name, n: len(without), args: without, options: d.options()}
}

func (d Doomed) options() []option {
	var o []option
	if !d.Process.IsZero() {
		o = append(o, option{"process", []any{id(d.Process), id(d.Process)}})
	}
	if d.Before != 0 {
		o = append(o, option{"before", []any{int64(d.Before)}})
	}
	if d.Older != 0 {
		o = append(o, option{"older", []any{int64(d.Older), int64(d.Older)}})
	}
	if d.stagedBefore != 0 {
		o = append(o, option{"waited", []any{int64(d.stagedBefore)}})
	}
	if d.Tag != "" {
		o = append(o, option{"tag", []any{clean(d.Tag)}})
	}
	if d.Known {
		o = append(o, option{"known", nil})
	}
	if d.Orphans {
		o = append(o, option{"orphans", nil})
	}
	return o
}

// BlockCounts tells how much a deletion takes.
type BlockCounts struct {
	Blocks int64
	Bytes  int64          // payload
	Oldest telemetry.Time // smallest and largest insert time; 0 without blocks
	Newest telemetry.Time
}

// DoomedBlocks tells how much would go.
func (r *Reader) DoomedBlocks(ctx context.Context, d Doomed) (BlockCounts, error) {
	var c BlockCounts
	q := d.query("doomed_blocks")
	if d.Whole != 0 {
		q.options = append(q.options, option{"due", []any{int64(d.Whole), int64(d.Whole), int64(d.Part), int64(d.Part)}})
	}
	err := r.s.one(ctx, q, &c.Blocks, &c.Bytes, (*int64)(&c.Oldest), (*int64)(&c.Newest))
	return c, err
}

// DropPending drops blocks that wait to be materialised from view, at most 1024 at a time, and returns how many. Whoever
// has claimed one loses the claim. Of d only Process, Before, Older and Orphans count; blocks of unknown streams are pending for
// no view and stay.
func (db *DB) DropPending(ctx context.Context, view View, d Doomed) (int64, error) {
	d.Tag, d.Without, d.Known = "", nil, false
	var numbers []any
	err := db.write(ctx, "drop pending blocks of "+string(view), func(s *session) error {
		numbers = nil
		if db.dialect.rowLocks { // see ClaimPending
			if err := resolve(ctx, s); err != nil {
				return err
			}
		}
		q := query{name: "droppable_pending", args: []any{string(view)}, options: d.options()}
		if err := s.each(ctx, q, collectNumbers(&numbers)); err != nil {
			return err
		}
		if _, err := s.inBatches(ctx, "delete_pending", numbers, string(view)); err != nil {
			return err
		}
		_, err := s.inBatches(ctx, "insert_dropped", numbers, string(view))
		return err
	})
	return int64(len(numbers)), err
}

// DeleteBlocks deletes blocks that every view they feed has dropped, at most 1024 at a time, and returns how many and
// their payload's bytes. Segments that lose blocks are noted, see SegmentWaste.
func (db *DB) DeleteBlocks(ctx context.Context, d Doomed) (BlockCounts, error) {
	var c BlockCounts
	err := db.write(ctx, "delete blocks", func(s *session) error {
		c = BlockCounts{}
		if db.dialect.rowLocks {
			// A stream that is being recorded now resolves such rows: wait for it, and look again what feeds what.
			found, err := deletable(ctx, s, d)
			if err != nil {
				return err
			}
			err = listBatches(found, func(batch []any) error {
				return s.each(ctx, query{name: "lock_unresolved", n: len(batch), args: batch}, func(*sql.Rows) error { return nil })
			})
			if err != nil {
				return err
			}
		}
		found, err := deletable(ctx, s, d)
		if err != nil {
			return err
		}
		for _, name := range []string{"delete_unresolved", "delete_dropped"} {
			if _, err := s.inBatches(ctx, name, found); err != nil {
				return err
			}
		}
		freed, err := deleteBlocks(ctx, s, found, &c)
		if err != nil {
			return err
		}
		return noteWaste(ctx, s, freed, d.Erase)
	})
	return c, err
}

// deletable returns the numbers of blocks that can be deleted.
func deletable(ctx context.Context, s *session, d Doomed) ([]any, error) {
	var numbers []any
	err := s.each(ctx, d.query("deletable_blocks"), collectNumbers(&numbers))
	return numbers, err
}

// deleteBlocks deletes blocks and returns how many bytes of which segments it frees: of those where they lie when they are
// deleted, as others may have moved them, or deleted them, since they were found.
func deleteBlocks(ctx context.Context, s *session, numbers []any, c *BlockCounts) (freed map[string]int64, err error) {
	freed = make(map[string]int64)
	err = listBatches(numbers, func(batch []any) error {
		return s.each(ctx, query{name: "delete_blocks", n: len(batch), args: batch}, func(rows *sql.Rows) error {
			var size, payload int64
			var segment string
			if err := rows.Scan(&segment, &size, &payload); err != nil {
				return err
			}
			c.Blocks++
			c.Bytes += payload
			if segment != "" {
				freed[segment] += size
			}
			return nil
		})
	})
	return freed, err
}

// DeleteStaged deletes halves of blocks that wait for their others, at most 1024 at a time, and returns how many. Of d only
// Process, Before, Older and Erase count. Before is the block's insert time as it was recorded elsewhere, Older when the half
// came: a block may be old when it is copied from another lake, and its payload on the way.
func (db *DB) DeleteStaged(ctx context.Context, d Doomed) (int64, error) {
	d.Tag, d.Without, d.Known, d.Orphans = "", nil, false, false
	d.Older, d.stagedBefore = 0, d.Older
	o := d.options()
	var n int64
	err := db.write(ctx, "delete staged blocks", func(s *session) error {
		var blocks [][16]byte
		freed := make(map[string]int64)
		err := s.each(ctx, query{name: "doomed_staged", options: o}, func(rows *sql.Rows) error {
			var block uuid.UUID
			var segment string
			var size int64
			if err := rows.Scan(&block, &segment, &size); err != nil {
				return err
			}
			blocks = append(blocks, block)
			if segment != "" {
				freed[segment] += size
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n, err = s.inBatches(ctx, "delete_staged_halves", ids(blocks)); err != nil {
			return err
		}
		return noteWaste(ctx, s, freed, d.Erase)
	})
	return n, err
}

// DeleteIdle deletes processes of which no block is left, with their streams, and streams of unknown processes of which
// no block is left, nor a half of one, at most 256 of each at a time. Of d only Process, Before and Older count; a process was active
// when its newest block was recorded, and a stream of an unknown process when it was recorded itself. What came into this
// catalog at Older or later stays: blocks of a lake that is being copied may be on their way.
func (db *DB) DeleteIdle(ctx context.Context, d Doomed) (processes, streams int64, err error) {
	d.Tag, d.Without, d.Known, d.Orphans = "", nil, false, false
	options := func() []option {
		o := d.options()
		if !d.Process.IsZero() {
			o[0].args = o[0].args[:1]
		}
		return o
	}
	err = db.write(ctx, "delete idle processes", func(s *session) error {
		var ofProcesses, ofStreams [][16]byte
		if err := s.each(ctx, query{name: "idle_processes", options: options()}, collectIDs(&ofProcesses)); err != nil {
			return err
		}
		err := listBatches(ids(ofProcesses), func(batch []any) error {
			return s.each(ctx, query{name: "streams_of", n: len(batch), args: batch}, collectIDs(&ofStreams))
		})
		if err != nil {
			return err
		}
		if err := s.each(ctx, query{name: "idle_streams", options: options()}, collectIDs(&ofStreams)); err != nil {
			return err
		}
		processes, streams = int64(len(ofProcesses)), int64(len(ofStreams))
		if err := deleteStrayActivity(ctx, s, d); err != nil {
			return err
		}
		for _, name := range []string{"delete_process_activity", "delete_processes"} { // activity in the order in which Append locks it
			if _, err := s.inBatches(ctx, name, ids(ofProcesses)); err != nil {
				return err
			}
		}
		for _, name := range []string{"delete_stream_activity", "delete_stream_tags", "delete_stream_feeds", "delete_streams"} {
			if _, err := s.inBatches(ctx, name, ids(ofStreams)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return processes, streams, nil
}

// deleteStrayActivity deletes what blocks told about processes and streams that never came, when none of these blocks is left.
// Streams without blocks belong to nobody, so that d's process does not tell which.
func deleteStrayActivity(ctx context.Context, s *session, d Doomed) error {
	if !d.Process.IsZero() {
		return nil
	}
	for _, of := range []struct{ find, remove string }{
		{"stray_process_activity", "delete_process_activity"}, {"stray_stream_activity", "delete_stream_activity"},
	} {
		var stray [][16]byte
		if err := s.each(ctx, query{name: of.find, options: d.options()}, collectIDs(&stray)); err != nil {
			return err
		}
		if _, err := s.inBatches(ctx, of.remove, ids(stray)); err != nil {
			return err
		}
	}
	return nil
}
