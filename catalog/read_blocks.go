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

// partBlocks is how many blocks EachBlock has in memory at a time.
const partBlocks = 1024

// EachBlock is Blocks for lists that need not be in memory, without payloads: it calls do for each block, with its stream and
// process, which neighbours share.
func (r *Reader) EachBlock(ctx context.Context, f Filter, do func(*PendingBlock) error) error {
	var part []PendingBlock
	var b BlockRecord
	dest := b.dest()
	known := newOwners()
	segments := make(interner)
	row := func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		b.Location.Segment = segments.of(b.Location.Segment)
		part = append(part, PendingBlock{Block: b})
		return nil
	}
	return r.s.inParts(ctx, query{name: "blocks", options: f.options()}, partBlocks, row, func() error {
		if err := known.attach(ctx, r.s, part); err != nil {
			return err
		}
		for i := range part {
			if err := do(&part[i]); err != nil {
				return err
			}
		}
		part = part[:0]
		clear(segments)
		return nil
	})
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
