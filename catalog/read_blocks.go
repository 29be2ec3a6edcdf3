package catalog

import (
	"context"
	"database/sql"
)

// Blocks returns blocks whose stream and process are known, in the order of their insertion. The range takes blocks that
// began before its end and were inserted after its begin.
func (r *Reader) Blocks(ctx context.Context, f Filter) ([]BlockRecord, error) {
	return r.blocks(ctx, "blocks", f)
}

// BlocksDuring returns blocks whose stream and process are known and whose time from begin to end meets the range, by
// begin time. It is quick with a process, stream or block.
func (r *Reader) BlocksDuring(ctx context.Context, f Filter) ([]BlockRecord, error) {
	return r.blocks(ctx, "blocks_during", f)
}

func (r *Reader) blocks(ctx context.Context, name string, f Filter) ([]BlockRecord, error) {
	var list []BlockRecord
	var b BlockRecord
	q := query{name: name, options: f.options()}
	dest := b.dest()
	if !f.WithoutPayload {
		q.options = append([]option{{"payload", nil}}, q.options...)
		dest = append(dest, &b.Location.Inline)
	}
	segments := make(interner)
	err := r.s.each(ctx, q, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		b.Location.Segment = segments.of(b.Location.Segment)
		list = append(list, b)
		return nil
	})
	return list, err
}

// interner keeps one copy of each string: the blocks of a segment share its key.
type interner map[string]string

func (m interner) of(s string) string {
	if shared, ok := m[s]; ok {
		return shared
	}
	m[s] = s
	return s
}
