package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Feeds returns the views that blocks of st go to: by its tags, in the native format or that of OpenTelemetry for the view.
func Feeds(st telemetry.Stream) []View {
	var views []View
	for _, v := range Views() {
		fits := st.Format == telemetry.FormatNative || st.Format == v.otlp()
		if fits && slices.Contains(st.Tags, v.Tag()) {
			views = append(views, v)
		}
	}
	return views
}

// InsertStream records st unless its id is known; the first registration wins. Blocks that came before it become
// pending for the views that it feeds. A zero insert time becomes now.
func (db *DB) InsertStream(ctx context.Context, st telemetry.Stream) (inserted bool, err error) {
	err = db.write(ctx, "insert stream "+st.ID.String(), func(s *session) error {
		inserted, err = insertStream(ctx, s, st)
		return err
	})
	if err == nil && inserted {
		err = db.resolveAgain(ctx, option{"stream", []any{id(st.ID)}})
	}
	return inserted && err == nil, err
}

// On PostgreSQL a block and its stream may be recorded by two transactions that do not see each other. So each of the two looks
// again when it has committed, before it returns: the later one sees what the other did. What is left when a process dies in
// between, ClaimPending and Resolve find.

// resolveAgain is for who has recorded streams.
func (db *DB) resolveAgain(ctx context.Context, options ...option) error {
	if !db.dialect.rowLocks {
		return nil
	}
	return db.write(ctx, "resolve blocks", func(s *session) error { return resolve(ctx, s, options...) })
}

// resolveMissed is for who has recorded blocks whose streams were not known.
func (db *DB) resolveMissed(ctx context.Context, blocks []any) error {
	if len(blocks) == 0 {
		return nil
	}
	return db.write(ctx, "resolve blocks", func(s *session) error {
		return listBatches(blocks, func(batch []any) error {
			var found []any
			if err := s.each(ctx, query{name: "unresolved_among", n: len(batch), args: batch}, collectNumbers(&found)); err != nil {
				return err
			}
			if _, err := s.inBatches(ctx, "resolve_pending", found); err != nil {
				return err
			}
			_, err := s.inBatches(ctx, "delete_unresolved", found)
			return err
		})
	})
}

// Resolve gives blocks that wait for a stream which is known their views. It finds what processes left that died while they
// recorded either; otherwise there are none.
func (db *DB) Resolve(ctx context.Context) error { return db.resolveAgain(ctx) }

func insertStream(ctx context.Context, s *session, st telemetry.Stream) (inserted bool, err error) {
	tags, err := toJSON(st.Tags)
	if err != nil {
		return false, fmt.Errorf("tags of stream %s: %w", st.ID, err)
	}
	properties, err := toJSON(st.Properties)
	if err != nil {
		return false, fmt.Errorf("properties of stream %s: %w", st.ID, err)
	}
	if st.InsertTime == 0 {
		st.InsertTime = s.db.timeNow()
	}
	n, err := s.exec(ctx, query{name: "insert_stream", args: []any{
		id(st.ID), id(st.ProcessID), bytesOf(st.DependenciesMetadata), bytesOf(st.ObjectsMetadata), tags, properties,
		clean(st.Format), int64(st.InsertTime), int64(s.db.timeNow()),
	}})
	if err != nil || n == 0 {
		return false, err
	}
	if err := insertStreamTags(ctx, s, st); err != nil {
		return false, err
	}
	return true, resolve(ctx, s, option{"stream", []any{id(st.ID)}})
}

func insertStreamTags(ctx context.Context, s *session, st telemetry.Stream) error {
	for _, tag := range st.Tags {
		if _, err := s.exec(ctx, query{name: "insert_stream_tags", n: 1, args: []any{id(st.ID), clean(tag)}}); err != nil {
			return err
		}
	}
	for _, view := range Feeds(st) {
		if _, err := s.exec(ctx, query{name: "insert_stream_feeds", n: 1, args: []any{id(st.ID), string(view)}}); err != nil {
			return err
		}
	}
	return nil
}

// resolve gives the pending rows without a view, whose streams are known by now, the views that their streams feed.
// On PostgreSQL it holds the rows' locks, and rows that another transaction resolves at the same time are its business.
func resolve(ctx context.Context, s *session, options ...option) error {
	for {
		var blocks []any
		err := s.each(ctx, query{name: "unresolved", options: options}, func(rows *sql.Rows) error {
			var no int64
			if err := rows.Scan(&no); err != nil {
				return err
			}
			blocks = append(blocks, no)
			return nil
		})
		if err != nil || len(blocks) == 0 {
			return err
		}
		if _, err := s.inBatches(ctx, "resolve_pending", blocks); err != nil {
			return err
		}
		if _, err := s.inBatches(ctx, "delete_unresolved", blocks); err != nil {
			return err
		}
	}
}
