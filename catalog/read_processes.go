package catalog

import (
	"context"
	"database/sql"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Processes returns processes by insert time. The range takes those inserted before its end and updated after its begin.
func (r *Reader) Processes(ctx context.Context, f Filter) (list []ProcessRecord, err error) {
	err = r.EachProcess(ctx, f, func(p *ProcessRecord) error {
		list = append(list, *p)
		return nil
	})
	return list, err
}

// EachProcess is Processes for lists that need not be in memory: it calls do for each. The reader must not be used meanwhile.
func (r *Reader) EachProcess(ctx context.Context, f Filter, do func(*ProcessRecord) error) error {
	f.Block = telemetry.BlockID{}
	return r.s.each(ctx, query{name: "processes", options: f.options()}, func(rows *sql.Rows) error {
		p, err := scanProcess(rows)
		if err != nil {
			return err
		}
		return do(p)
	})
}

// Streams returns streams by insert time. The range takes those inserted before its end and updated after its begin.
func (r *Reader) Streams(ctx context.Context, f Filter) (list []StreamRecord, err error) {
	err = r.EachStream(ctx, f, func(st *StreamRecord) error {
		list = append(list, *st)
		return nil
	})
	return list, err
}

// EachStream is Streams for lists that need not be in memory: it calls do for each. The reader must not be used meanwhile.
func (r *Reader) EachStream(ctx context.Context, f Filter, do func(*StreamRecord) error) error {
	f.Block = telemetry.BlockID{}
	return r.s.each(ctx, query{name: "streams", options: f.options()}, func(rows *sql.Rows) error {
		st, err := scanStream(rows)
		if err != nil {
			return err
		}
		return do(st)
	})
}
