package catalog

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Payloads returns the payloads of blocks that live in the catalog; those of others, and of blocks that are not there any
// more, are missing from the result.
func (r *Reader) Payloads(ctx context.Context, blocks []telemetry.BlockID) (map[telemetry.BlockID][]byte, error) {
	found := make(map[telemetry.BlockID][]byte, len(blocks))
	err := listBatches(ids(blocks), func(batch []any) error {
		return r.s.each(ctx, query{name: "payloads", n: len(batch), args: batch}, func(rows *sql.Rows) error {
			var block uuid.UUID
			var payload []byte
			if err := rows.Scan(&block, &payload); err != nil {
				return err
			}
			found[telemetry.BlockID(block)] = payload
			return nil
		})
	})
	return found, err
}
