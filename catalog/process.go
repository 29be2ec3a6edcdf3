package catalog

import (
	"context"
	"fmt"

	"github.com/micromegas-go/micromegas/telemetry"
)

// InsertProcess records p unless its id is known; the first registration wins. A zero insert time becomes now.
func (db *DB) InsertProcess(ctx context.Context, p telemetry.Process) (inserted bool, err error) {
	err = db.write(ctx, "insert process "+p.ID.String(), func(s *session) error {
		inserted, err = insertProcess(ctx, s, p)
		return err
	})
	return inserted && err == nil, err
}

func insertProcess(ctx context.Context, s *session, p telemetry.Process) (inserted bool, err error) {
	properties, err := toJSON(p.Properties)
	if err != nil {
		return false, fmt.Errorf("properties of process %s: %w", p.ID, err)
	}
	if p.InsertTime == 0 {
		p.InsertTime = s.db.timeNow()
	}
	var parent any
	if !p.Parent.IsZero() {
		parent = id(p.Parent)
	}
	n, err := s.exec(ctx, query{name: "insert_process", args: []any{
		id(p.ID), clean(p.Exe), clean(p.Username), clean(p.Realname), clean(p.Computer), clean(p.Distro), clean(p.CPUBrand),
		p.TSCFrequency, int64(p.StartTime), int64(p.StartTicks), parent, properties, int64(p.InsertTime), int64(s.db.timeNow()),
	}})
	return n == 1, err
}
