package catalog

import (
	"context"
	"database/sql"

	"github.com/micromegas-go/micromegas/telemetry"
)

// clockSlack widens the range of pending blocks: events may lie a little outside the times of their block, since the
// ticks of an event are read before the block's lock is taken and two clocks are involved.
const clockSlack telemetry.Time = 60e9

// Pending returns the blocks that view has not materialised, with those in quarantine, oldest first. Blocks whose stream or process is unknown are left out. The range takes
// blocks whose time from begin to end, widened by a minute, meets it.
func (r *Reader) Pending(ctx context.Context, view View, f Filter) ([]PendingBlock, error) {
	f.Range = widened(f.Range, clockSlack)
	o := f.options()
	if !f.WithoutPayload {
		o = append([]option{{"payload", nil}}, o...)
	}
	q := query{name: "pending", args: []any{string(view)}, options: o}
	var list []PendingBlock
	p := PendingBlock{View: view}
	var quarantined int64
	dest := append([]any{&p.Attempts, &p.LastError, (*int64)(&p.NotBefore), &quarantined}, p.Block.dest()...)
	if !f.WithoutPayload {
		dest = append(dest, &p.Block.Location.Inline)
	}
	segments := make(interner)
	err := r.s.each(ctx, q, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		p.Quarantined = quarantined != 0
		p.Block.Location.Segment = segments.of(p.Block.Location.Segment)
		list = append(list, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, attach(ctx, r.s, list)
}

// attach fills in the streams and processes of list, one record for each.
func attach(ctx context.Context, s *session, list []PendingBlock) error {
	return newOwners().attach(ctx, s, list)
}

// owners are streams and processes that were read; nil stands for those that are not there.
type owners struct {
	streams   map[telemetry.StreamID]*StreamRecord
	processes map[telemetry.ProcessID]*ProcessRecord
}

func newOwners() *owners {
	return &owners{map[telemetry.StreamID]*StreamRecord{}, map[telemetry.ProcessID]*ProcessRecord{}}
}

// maxOwners bounds what is remembered from one part of a long list to the next.
const maxOwners = 4096

// attach fills in the streams and processes of list. Those that it knows from the last call it does not read again.
func (o *owners) attach(ctx context.Context, s *session, list []PendingBlock) error {
	if len(o.streams)+len(o.processes) > maxOwners {
		clear(o.streams)
		clear(o.processes)
	}
	var streamIDs, processIDs []any
	for i := range list {
		b := &list[i].Block
		if _, ok := o.streams[b.StreamID]; !ok {
			o.streams[b.StreamID] = nil
			streamIDs = append(streamIDs, id(b.StreamID))
		}
		if _, ok := o.processes[b.ProcessID]; !ok {
			o.processes[b.ProcessID] = nil
			processIDs = append(processIDs, id(b.ProcessID))
		}
	}
	err := listBatches(streamIDs, func(batch []any) error {
		return s.each(ctx, query{name: "streams_by_id", n: len(batch), args: batch}, func(rows *sql.Rows) error {
			st, err := scanStream(rows)
			if err == nil {
				o.streams[st.ID] = st
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	err = listBatches(processIDs, func(batch []any) error {
		return s.each(ctx, query{name: "processes_by_id", n: len(batch), args: batch}, func(rows *sql.Rows) error {
			p, err := scanProcess(rows)
			if err == nil {
				o.processes[p.ID] = p
			}
			return err
		})
	})
	for i := range list {
		list[i].Stream, list[i].Process = o.streams[list[i].Block.StreamID], o.processes[list[i].Block.ProcessID]
	}
	return err
}

// WithOwners returns the blocks with their streams and processes, one record for each; nil stands for those that are not
// known.
func (r *Reader) WithOwners(ctx context.Context, blocks []BlockRecord) ([]PendingBlock, error) {
	list := make([]PendingBlock, len(blocks))
	for i := range blocks {
		list[i].Block = blocks[i]
	}
	return list, attach(ctx, r.s, list)
}
