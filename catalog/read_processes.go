package catalog

import (
	"context"
	"database/sql"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Processes returns processes by insert time. The range takes those inserted before its end and updated after its begin.
func (r *Reader) Processes(ctx context.Context, f Filter) ([]ProcessRecord, error) {
	f.Block = telemetry.BlockID{}
	var list []ProcessRecord
	err := r.s.each(ctx, query{name: "processes", options: f.options()}, func(rows *sql.Rows) error {
		p, err := scanProcess(rows)
		if err == nil {
			list = append(list, *p)
		}
		return err
	})
	return list, err
}

// Streams returns streams by insert time. The range takes those inserted before its end and updated after its begin.
func (r *Reader) Streams(ctx context.Context, f Filter) ([]StreamRecord, error) {
	f.Block = telemetry.BlockID{}
	var list []StreamRecord
	err := r.s.each(ctx, query{name: "streams", options: f.options()}, func(rows *sql.Rows) error {
		st, err := scanStream(rows)
		if err == nil {
			list = append(list, *st)
		}
		return err
	})
	return list, err
}
