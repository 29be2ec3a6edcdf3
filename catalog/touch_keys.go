package catalog

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/micromegas-go/micromegas/telemetry"
)

// TouchKeys records when keys were last used; a time before the one recorded changes nothing. Unknown keys are passed
// over. It is no change that KeyChanges counts.
func (db *DB) TouchKeys(ctx context.Context, used map[KeyID]telemetry.Time) error {
	// All replicas lock rows in one order.
	order := slices.SortedFunc(maps.Keys(used), func(a, b KeyID) int { return bytes.Compare(a[:], b[:]) })
	return db.write(ctx, "record the use of API keys", func(s *session) error {
		for _, key := range order {
			t := int64(used[key])
			if _, err := s.exec(ctx, query{name: "touch_key", args: []any{t, id(key), t}}); err != nil {
				return err
			}
		}
		return nil
	})
}
